//! What can be wrong with a bot: errors keep it from being published, warnings do not. What is wrong with the settings of a node, its kind
//! finds.
mod graph;
mod shape;
#[cfg(test)]
mod tests;
mod words;

use crate::{definition::Definition, finding::Finding};

/// Notes what is wrong with a bot as a whole.
pub(crate) fn check(definition: &Definition, findings: &mut Vec<Finding>) {
    shape::check(definition, findings);
    graph::check(definition, findings);
    words::check(definition, findings);
}
