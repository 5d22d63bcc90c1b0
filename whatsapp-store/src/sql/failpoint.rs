//! A commit that breaks off at any of its statements, on either database. For tests alone.
#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]
mod contacts;
mod samples;
mod tests;
mod workspace;

use std::sync::{Arc, Mutex};

use super::{Statement, sql};

/// Puts another statement, which fails, in the place of one to come. Clones share it, as those of a store do.
#[derive(Clone, Debug, Default)]
pub(crate) struct Failpoint(Arc<Mutex<Option<(u32, &'static str)>>>);

impl Failpoint {
    /// Before so many statements from now.
    fn arm(&self, statements: u32, instead: &'static str) {
        *self.0.lock().unwrap() = Some((statements, instead));
    }

    /// Is it still to come? Then no more.
    fn disarm(&self) -> bool {
        self.0.lock().unwrap().take().is_some()
    }

    pub(super) fn through<'a>(&self, statement: Statement<'a>) -> Statement<'a> {
        let mut armed = self.0.lock().unwrap();
        match &mut *armed {
            Some((0, instead)) => {
                let instead = sql(instead);
                *armed = None;
                instead
            }
            Some((left, _)) => {
                *left -= 1;
                statement
            }
            None => statement,
        }
    }
}
