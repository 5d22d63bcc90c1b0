//! A failpoint: a commit fails at any chosen statement, on either database. For tests only.
#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]
mod contacts;
mod samples;
mod tests;
mod workspace;

use std::sync::{Arc, Mutex};

use super::{Statement, sql};

/// Replaces a later statement with one that fails. Clones of a store share it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Failpoint(Arc<Mutex<Option<(u32, &'static str)>>>);

impl Failpoint {
    /// Sends `instead` in place of the statement after the next `statements`.
    fn arm(&self, statements: u32, instead: &'static str) {
        *self.0.lock().unwrap() = Some((statements, instead));
    }

    /// Is it still armed? Then disarms it.
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
