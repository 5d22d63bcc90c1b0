//! What a workspace decides about replies.
use serde::{Deserialize, Serialize};

use super::{LANGUAGES, fold, polite};

/// What a workspace decides about replies. Without a decision nobody is opted in by a word, and every stop word stops.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct ReplyRules {
    /// How people opt in by a message; nobody does without it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub opt_in: Option<OptIn>,
    /// What becomes of stop words that are ordinary answers, too.
    pub ambiguous: AmbiguousWords,
    /// When they were last changed, milliseconds since the Unix epoch. In a change: the time in the rules that were read, so that the
    /// change of somebody else is not lost; without it, whatever is there is replaced.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub updated_at: Option<i64>,
}

/// How people opt in by a message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct OptIn {
    /// The words of the workspace, such as `JOIN OFFERS`: a message of one of them opts in.
    pub words: Vec<String>,
    /// What people agree to by it, such as `marketing`.
    pub scope: String,
    /// What they are told then: what they agreed to, and how it ends.
    pub confirmation: String,
}

/// What becomes of stop words that are ordinary answers, too: those of [`AMBIGUOUS_WORDS`](super::AMBIGUOUS_WORDS).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum AmbiguousWords {
    /// They stop like others. Nobody is written to who wanted no more.
    #[default]
    Stop,
    /// A person reads them: for a workspace where people cancel orders by a word.
    AskPerson,
}

/// What is wrong with rules.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RuleError {
    /// No word, or none that can be written.
    #[error("optIn.words: give one word at least, such as `JOIN OFFERS`")]
    NoWord,
    /// A word that stops.
    #[error("optIn.words: `{0}` stops messages, or is a courtesy: choose another word")]
    Taken(String),
    /// To what?
    #[error("optIn.scope: say what people agree to, such as `marketing`")]
    NoScope,
    /// What are they told?
    #[error(
        "optIn.confirmation: say what people agreed to and how it ends, such as `You get our offers now. Reply STOP to end.`"
    )]
    NoConfirmation,
}

impl ReplyRules {
    /// Do they work?
    ///
    /// # Errors
    /// When a word opts in that must not, or people are not told what they agreed to.
    pub fn check(&self) -> Result<(), RuleError> {
        let Some(OptIn { words, scope, confirmation }) = &self.opt_in else { return Ok(()) };
        if words.is_empty() || words.iter().any(|word| fold::words(word).is_empty()) {
            return Err(RuleError::NoWord);
        }
        let stops =
            || LANGUAGES.iter().flat_map(|language| language.stop.iter().map(|word| fold::words(word)));
        let is_taken = |word: &&String| {
            let word = fold::words(word);
            polite::is_polite(&word) || stops().any(|stop| stop == word)
        };
        if let Some(word) = words.iter().find(is_taken) {
            return Err(RuleError::Taken(word.clone()));
        }
        if scope.trim().is_empty() {
            return Err(RuleError::NoScope);
        }
        // One that says how it ends: so it has to be for marketing, and it does no harm elsewhere.
        if !super::has_opt_out_hint(confirmation) {
            return Err(RuleError::NoConfirmation);
        }
        Ok(())
    }
}
