//! `tag`: changes the tags of the contact.
use serde::{Deserialize, Serialize};

use crate::{
    compile::{Compiler, ExitId},
    effect::Effect,
    finding::Code,
    turn::{Behaviour, Next, Turn},
};

/// Adds tags to the contact and takes others away; goes on by `next`.
///
/// ```json
/// {"id": "vip", "kind": "tag", "config": {"add": ["vip"], "remove": ["new"]}, "exits": [{"id": "next", "to": "hello"}]}
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Tag {
    /// Tags to add.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub add: Vec<String>,
    /// Tags to remove.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub remove: Vec<String>,
}

impl Tag {
    pub(super) fn compile(&self, compiler: &mut Compiler<'_>) -> Box<dyn Behaviour> {
        if self.add.is_empty() && self.remove.is_empty() {
            compiler.find(Code::E001, "", "name at least one tag");
        }
        for (field, tags) in [("add", &self.add), ("remove", &self.remove)] {
            for tag in tags {
                compiler.known(field, |known| &known.tags, tag);
            }
        }
        Box::new(Tagging { add: self.add.clone(), remove: self.remove.clone(), next: compiler.exit("next") })
    }
}

#[derive(Debug)]
struct Tagging {
    add: Vec<String>,
    remove: Vec<String>,
    next: ExitId,
}

impl Behaviour for Tagging {
    fn enter(&self, turn: &mut Turn<'_>) -> Next {
        for (tags, add) in [(&self.add, true), (&self.remove, false)] {
            for tag in tags {
                turn.effect(Effect::Tag { tag: tag.clone(), add });
            }
        }
        Next::Exit(self.next)
    }
}
