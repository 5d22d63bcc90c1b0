//! `split`: leaves it to chance.
use serde::{Deserialize, Serialize};

use crate::{
    compile::{Compiler, ExitId},
    finding::{Code, MAX_EXITS},
    turn::{Behaviour, Next, Turn},
};

/// Goes by the exit of an arm, by chance and weight.
///
/// ```json
/// {"id": "test", "kind": "split", "config": {"arms": [{"id": "a", "weight": 50}, {"id": "b", "weight": 50}], "sticky": true},
///  "exits": [{"id": "a", "to": "short"}, {"id": "b", "to": "long"}]}
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Split {
    /// The arms.
    pub arms: Vec<Arm>,
    /// Does a conversation get the same arm each time it comes by?
    #[serde(default)]
    pub sticky: bool,
}

/// One way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Arm {
    /// The exit.
    pub id: String,
    /// Its part of the sum of all weights.
    pub weight: u32,
}

impl Split {
    pub(super) fn compile(&self, compiler: &mut Compiler<'_>) -> Box<dyn Behaviour> {
        let sum: u64 = self.arms.iter().map(|arm| u64::from(arm.weight)).sum();
        if sum == 0 {
            compiler.find(Code::E016, "arms", "no arm has any weight");
        }
        if self.arms.len() > MAX_EXITS {
            compiler.find(Code::E017, "arms", format!("at most {MAX_EXITS}"));
        }
        for (place, arm) in self.arms.iter().enumerate().take(MAX_EXITS) {
            if self.arms[..place].iter().any(|earlier| earlier.id == arm.id) {
                compiler.find(Code::E002, &format!("arms/{place}"), "each arm needs an id of its own");
            }
        }
        let arms = self.arms.iter().take(MAX_EXITS).map(|arm| (u64::from(arm.weight), compiler.exit(&arm.id))).collect();
        Box::new(Splitting { arms, sum: sum.max(1), sticky: self.sticky.then(|| compiler.place_hash()) })
    }
}

#[derive(Debug)]
struct Splitting {
    arms: Vec<(u64, ExitId)>,
    sum: u64,
    /// What stands for this node, whatever the version.
    sticky: Option<u64>,
}

impl Behaviour for Splitting {
    fn enter(&self, turn: &mut Turn<'_>) -> Next {
        let random = self.sticky.map_or_else(|| turn.random(), |place| turn.sticky_random(place));
        // The high half of the product: as even as 64 bits can be.
        let mut left = ((u128::from(random) * u128::from(self.sum)) >> 64) as u64;
        for (weight, exit) in &self.arms {
            if left < *weight {
                return Next::Exit(*exit);
            }
            left -= weight;
        }
        Next::Exit(ExitId::NONE)
    }
}
