//! The names of variables, as numbers.
use std::collections::HashMap;

use crate::finding::{Code, Finding};

/// Variables, by the number of their name.
#[derive(Default)]
pub(super) struct Names {
    pub(super) slots: HashMap<String, u16>,
    pub(super) list: Vec<String>,
    pub(super) read: HashMap<u16, String>,
    pub(super) written: HashMap<u16, String>,
}

impl Names {
    pub(super) fn slot(&mut self, name: &str) -> u16 {
        if let Some(slot) = self.slots.get(name) {
            return *slot;
        }
        // Definitions with more names than numbers are refused for their size.
        let slot = u16::try_from(self.list.len()).unwrap_or(u16::MAX);
        self.slots.insert(name.to_owned(), slot);
        self.list.push(name.to_owned());
        slot
    }

    /// Notes names that are read and never set, or the other way round.
    pub(super) fn look_at(&self, findings: &mut Vec<Finding>) {
        let Self { list, read, written, .. } = self;
        if list.len() >= usize::from(u16::MAX) {
            findings.push(Finding::new(Code::E017, "bot", "more names of variables than a bot may have"));
        }
        for (slot, path) in read {
            if !written.contains_key(slot) {
                let name = &list[usize::from(*slot)];
                let message = format!("`{name}` is read and nothing sets it; correct the name, or set it");
                findings.push(Finding::new(Code::W103, path, message));
            }
        }
        for (slot, path) in written {
            if !read.contains_key(slot) {
                let message = format!("`{}` is set and never read", list[usize::from(*slot)]);
                findings.push(Finding::new(Code::W104, path, message));
            }
        }
    }
}
