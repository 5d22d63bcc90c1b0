//! What starts the bot, and when a conversation is over.
use serde_json::Value as Json;

use super::{Block, FLOW, Import};
use crate::{
    definition::{Expire, On, Trigger},
    import::Code,
};

impl<'j> Import<'j, '_> {
    /// Reads the settings. Those of the look of a web page have no meaning here.
    pub(super) fn settings(mut self, json: &'j Json) -> Self {
        let settings = json.get("settings").and_then(|settings| settings.get("whatsApp"));
        let settings = settings.unwrap_or(&Json::Null);
        if let Some(hours) = settings.get("sessionExpiryTimeout").and_then(Json::as_f64)
            && hours.is_finite()
            && hours > 0.0
        {
            let after_seconds = (hours * 3600.0).clamp(1.0, 31_536_000.0) as u64;
            self.expire = Some(Expire { after_seconds, say: None, to: None });
        }
        self.trigger(settings);
        self
    }

    fn trigger(&mut self, settings: &'j Json) {
        let mut trigger = Trigger::new("start", On::AnyMessage, FLOW);
        let condition = settings.get("startCondition").unwrap_or(&Json::Null);
        if condition.get("comparisons").and_then(Json::as_array).is_some_and(|items| !items.is_empty()) {
            let path = "settings.whatsApp.startCondition".to_owned();
            let block = Block { json: condition, id: "", kind: "", path, next: None, question: None };
            trigger.when = self.comparisons(condition, Some("input.text"), &block);
            if trigger.when.is_none() {
                let why = "the rule that starts the bot was not understood; add a trigger yourself";
                return self.draft.note(Code::I103, &block.path, "", why);
            }
        }
        self.triggers.push(trigger);
    }
}
