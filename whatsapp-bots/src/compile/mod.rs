//! From settings to what the engine runs: ids become numbers, texts segments, words are folded, patterns are built. The kinds of nodes and
//! triggers do it for themselves, with what is here; [`build`](crate::build) goes through the definition.
mod compiler;
mod names;
mod texts;

pub(crate) use self::compiler::{Compiler, ExitId, FlowRef};
