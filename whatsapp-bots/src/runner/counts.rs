//! What a turn adds to the counts: those of its nodes, and how conversations began and ended.
use whatsapp_store::NodeCount;

use crate::{Compiled, Effect, Event, Step};

/// Before a trigger's id in the counts: so many conversations began by it; nothing behind it stands for those that began
/// otherwise. No node is called so, since those are called `FLOW/NODE`.
pub const STARTED: &str = "/started/";
/// Before an outcome in the counts: so many conversations ended so.
pub const ENDED: &str = "/ended/";

/// Each name once.
pub(super) fn counts(bot: &Compiled, step: &Step) -> Vec<NodeCount> {
    let mut counts: Vec<NodeCount> = bot.counts(&step.trace);
    for effect in &step.effects {
        let name = match effect {
            Effect::Emit(Event::Started { trigger, .. }) => {
                format!("{STARTED}{}", trigger.as_deref().unwrap_or_default())
            }
            Effect::Emit(Event::Ended { outcome }) => format!("{ENDED}{outcome}"),
            _ => continue,
        };
        match counts.iter_mut().find(|count| count.node == name) {
            Some(count) => count.entered += 1,
            None => counts.push(NodeCount { node: name, entered: 1, left: 0, dropped: 0, millis: 0 }),
        }
    }
    counts
}
