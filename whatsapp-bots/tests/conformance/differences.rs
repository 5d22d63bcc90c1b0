//! Where we differ from them on purpose, and what is not ours to do. Each entry is checked: one that no case needs any more
//! fails the test.

/// A difference of one case.
pub(crate) struct Difference {
    pub case: &'static str,
    pub allow: Allow,
    pub why: &'static str,
}

/// What may differ.
#[derive(Debug)]
pub(crate) enum Allow {
    /// The bot is not published, because of this finding of the validation.
    Refused(&'static str),
    /// Steps of this kind need attention and are left out.
    Attention(&'static str),
    /// Their events of this kind have no counterpart.
    Theirs(&'static str),
    /// One event of that kind says something else: sprint and place among the events of the sprint, from 0.
    Event(usize, usize),
    /// The flows that began and ended, in one sprint.
    Runs(usize),
}

/// Cases that are not run.
pub(crate) const OUT_OF_SCOPE: &[(&str, &str)] = &[];

pub(crate) const DIFFERENCES: &[Difference] = &[];
