//! What a bot is, as people write and store it: JSON with stable ids, which a test of the schema keeps documented.
//!
//! [`Definition::from_json`] reads it and says where something is wrong. Whether it makes sense is another question: that is
//! for the validation to say, so that a draft can be stored half done.
mod bot;
mod builder;
mod flow;
mod id;
mod json;
mod node;
#[cfg(feature = "schema")]
mod schema;
#[cfg(test)]
mod tests;
mod trigger;

#[cfg(feature = "schema")]
pub use self::schema::json_schema;
pub use self::{
    bot::{Bot, Definition, OnError},
    builder::{DefinitionBuilder, FlowBuilder},
    flow::{Expire, Flow},
    id::{BadId, BotId, FlowId, NodeId, TriggerId},
    json::{FORMAT, JsonError, MAX_JSON},
    node::Node,
    trigger::{Command, Trigger},
};
pub use crate::{
    parts::{
        CommandKind, Compare, Condition, Exit, Interrupt, Keywords, Known, Localised, Matching, Pattern,
        Source, Test, Text, Unknown, Words,
    },
    triggers::On,
};

/// The JSON Schema of definitions.
pub const SCHEMA: &str = include_str!("../../schema/bot.schema.json");
