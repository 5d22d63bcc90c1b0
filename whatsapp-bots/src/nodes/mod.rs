//! The kinds of node, one file each: its settings, with a sample, and what it does.
//!
//! A new kind is one file here, one line in the list below, and its golden cases in `testdata/kinds/nodes`.
use serde_json::Value as Json;

use crate::{
    compile::Compiler,
    finding::Code,
    parts::Unknown,
    turn::{Behaviour, Next, Turn},
};

mod answer;
mod menu;
mod parse;
mod selection;

pub use self::{
    answer::{Answer, DateOrder},
    branch::Case,
    http::{HttpBody, Saved},
    menu::{MenuOption, Retries},
    set::Assignment,
    split::Arm,
};

pub use crate::effect::{Method, Style};

macro_rules! kinds {
    ($($kind:literal $file:ident $Type:ident)*) => {
        $(mod $file;)*
        $(pub use self::$file::$Type;)*

        /// What a node does.
        #[derive(Clone, Debug, PartialEq)]
        #[non_exhaustive]
        pub enum Kind {
            $(#[doc = concat!("`", $kind, "`.")] $Type($Type),)*
            /// One that this version does not know.
            Unknown(Unknown),
        }

        $(impl From<$Type> for Kind {
            fn from(settings: $Type) -> Self {
                Self::$Type(settings)
            }
        })*

        impl Kind {
            /// The names of all kinds, as in JSON.
            pub const NAMES: &[&str] = &[$($kind),*];

            /// Its name, as in JSON.
            pub fn name(&self) -> &str {
                match self {
                    $(Self::$Type(_) => $kind,)*
                    Self::Unknown(unknown) => &unknown.kind,
                }
            }

            pub(crate) fn read(
                kind: &str,
                config: Json,
            ) -> Result<Self, serde_path_to_error::Error<serde_json::Error>> {
                Ok(match kind {
                    $($kind => Self::$Type(serde_path_to_error::deserialize(config)?),)*
                    _ => Self::Unknown(Unknown { kind: kind.to_owned(), config }),
                })
            }

            pub(crate) fn written(self) -> (String, Json) {
                match self {
                    $(Self::$Type(config) => ($kind.to_owned(), serde_json::json!(config)),)*
                    Self::Unknown(Unknown { kind, config }) => (kind, config),
                }
            }

            /// What the engine runs. What is wrong with it, the compiler notes.
            pub(crate) fn compile(&self, compiler: &mut Compiler<'_>) -> Box<dyn Behaviour> {
                match self {
                    $(Self::$Type(config) => config.compile(compiler),)*
                    Self::Unknown(unknown) => {
                        let why = match &*unknown.kind {
                            "start_campaign" => "flows start no campaigns in this version: remove this node, \
                                and upload its contacts to the campaign".to_owned(),
                            kind => format!("this version does not know nodes of kind `{kind}`; replace it"),
                        };
                        compiler.find(Code::E006, "", why);
                        Box::new(Nothing)
                    }
                }
            }

            /// Kind, schema of its settings, and whether it has to have any.
            #[cfg(feature = "schema")]
            pub(crate) fn schemas(
                generator: &mut schemars::SchemaGenerator,
            ) -> Vec<(&'static str, schemars::Schema, bool)> {
                vec![$((
                    $kind,
                    generator.subschema_for::<$Type>(),
                    Self::read($kind, serde_json::json!({})).is_err(),
                )),*]
            }
        }
    };
}

kinds! {
    "say" say Say
    "choose" choose Choose
    "choose_from" choose_from ChooseFrom
    "ask" ask Ask
    "branch" branch Branch
    "set" set Set
    "http" http Http
    "wait" wait Wait
    "split" split Split
    "goto" goto Goto
    "call_flow" call_flow CallFlow
    "return" give_back Return
    "tag" tag Tag
    "contact" contact Contact
    "opt_out" opt_out OptOut
    "handoff" handoff Handoff
    "emit" emit Emit
    "end" end End
}

/// What stands for a node that did not compile: such a bot is not published.
#[derive(Debug)]
pub(crate) struct Nothing;

impl Behaviour for Nothing {
    fn enter(&self, _turn: &mut Turn<'_>) -> Next {
        Next::End("failed".to_owned())
    }
}
