//! Ids with types, so that one is not taken for another.
use std::{fmt, str::FromStr};

/// Bytes of an id within a definition.
const LONGEST: usize = 100;

/// A text is no id.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what}: {rule}")]
pub struct BadId {
    what: &'static str,
    rule: &'static str,
}

const PLAIN: &str = "1 to 64 letters, digits, hyphens and underscores";
const WITHIN: &str = "1 to 100 bytes without `/` and control characters";

/// 1 to 64 ASCII letters, digits, hyphens and underscores.
fn is_plain(text: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    (1..=64).contains(&text.len()) && text.bytes().all(is_plain)
}

/// As the validation wants the ids of flows, nodes and triggers.
fn is_within(text: &str) -> bool {
    (1..=LONGEST).contains(&text.len()) && !text.contains('/') && !text.chars().any(char::is_control)
}

macro_rules! ids {
    ($($(#[$doc:meta])* $Id:ident $what:literal $is:ident $rule:ident)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $Id(String);

        impl $Id {
            /// As text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $Id {
            type Err = BadId;

            fn from_str(text: &str) -> Result<Self, BadId> {
                if $is(text) { Ok(Self(text.to_owned())) } else { Err(BadId { what: $what, rule: $rule }) }
            }
        }

        impl fmt::Display for $Id {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    )*};
}

ids! {
    /// The id of a bot in a workspace: 1 to 64 ASCII letters, digits, hyphens and underscores.
    BotId "the id of a chatbot" is_plain PLAIN
    /// The id of a flow within a bot.
    FlowId "the id of a flow" is_within WITHIN
    /// The id of a node within a flow.
    NodeId "the id of a node" is_within WITHIN
    /// The id of a trigger or a command within a bot.
    TriggerId "the id of a trigger" is_within WITHIN
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_id_is_refused() {
        for text in ["", "a b", "a/b", "ü", &"x".repeat(65)] {
            assert!(text.parse::<BotId>().is_err(), "{text}");
        }
        for text in ["", "a/b", "a\n", &"x".repeat(101)] {
            assert!(text.parse::<FlowId>().is_err(), "{text:?}");
        }
        assert_eq!("ü b".parse::<NodeId>().unwrap().as_str(), "ü b");
        assert_eq!("shop-1_a".parse::<BotId>().unwrap().to_string(), "shop-1_a");
    }
}
