//! Limits to what one turn and one session may do.

/// What one turn and one session may do. At a limit, the bot's `onError` takes over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Nodes entered in one turn.
    pub turn_steps: u32,
    /// Nodes entered in one session.
    pub session_steps: u64,
    /// Sends of one turn.
    pub sends: u32,
    /// Visits of one node in one turn.
    pub visits: u16,
    /// Sends in a row to somebody who writes nothing, over all turns of a session.
    pub unanswered: u16,
    /// Flows within flows.
    pub depth: usize,
    /// Answers in a row that came within a second, as only a machine answers: then a person is asked for, whatever `onError`
    /// says, so that two machines do not talk for ever.
    pub quick_answers: u8,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            turn_steps: 100,
            session_steps: 10_000,
            sends: 20,
            visits: 5,
            unanswered: 50,
            depth: 16,
            quick_answers: 5,
        }
    }
}

/// How often nodes were visited in a turn.
#[derive(Debug, Default)]
pub(crate) struct Visits(Vec<(u32, u16)>);

impl Visits {
    /// Counts a visit; gives how many there were with it.
    pub(crate) fn count(&mut self, node: u32) -> u16 {
        // Few enough for a look at each: a turn has an end.
        match self.0.iter_mut().rev().find(|(known, _)| *known == node) {
            Some((_, count)) => {
                *count = count.saturating_add(1);
                *count
            }
            None => {
                self.0.push((node, 1));
                1
            }
        }
    }

    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }
}
