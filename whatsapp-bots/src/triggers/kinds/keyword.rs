//! `keyword`: words.
use serde::{Deserialize, Serialize};

use super::super::index::{Index, TriggerKind};
use crate::{
    compile::Compiler,
    fold,
    parts::{Matching, Words},
};

/// Words: exact, then beginning with, then containing; of two, the longer.
///
/// ```json
/// {"id": "order", "on": {"keyword": {"words": {"en": ["order"], "de": ["bestellen"]}, "matching": "startsWith"}}, "flow": "order"}
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Keyword {
    /// The words.
    pub words: Words,
    /// How they have to occur.
    #[serde(default)]
    pub matching: Matching,
}

impl TriggerKind for Keyword {
    fn specificity(&self) -> u8 {
        match self.matching {
            Matching::Exact => 80,
            Matching::StartsWith => 70,
            Matching::Contains => 60,
        }
    }

    fn subjects(&self) -> Vec<String> {
        let words = self.words.each().flat_map(|(_, words)| words);
        words.map(|word| format!("{:?} {}", self.matching, fold::words(word))).collect()
    }

    fn compile(&self, _: &str, _: Option<&str>, compiler: &mut Compiler<'_>) -> Option<Index> {
        Some(Index::Words(self.matching, compiler.words("on", &self.words)))
    }
}
