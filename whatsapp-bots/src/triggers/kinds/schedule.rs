//! `schedule`: a time that the host keeps.
use serde::{Deserialize, Serialize};
use whatsapp_store::{AccountId, Consent};

use super::super::index::{Index, TriggerKind};
use crate::{compile::Compiler, finding::Code, schedule};

/// Tags of one schedule.
const MOST_TAGS: usize = 100;

/// A time that the host keeps: a cron pattern, in the bot's zone. The engine hears of it by the trigger's id, once for each contact that it
/// is for: those whose consent covers its scope, who did not take that back, and have chatted before. A chat that a person has taken over,
/// or with a live conversation that nothing may break into, is left alone.
///
/// ```json
/// {"id": "monday", "on": {"schedule": {"cron": "0 9 * * MON", "tags": ["vip"]}}, "flow": "news", "scope": "news"}
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Schedule {
    /// Such as `0 9 * * MON`.
    pub cron: String,
    /// Contacts with at least one of these tags; without any it is for nobody, and cannot be published.
    #[serde(default)]
    pub tags: Vec<String>,
    /// The session that writes, to those who have chatted with it; without one, that with which a contact last chatted.
    #[serde(default, rename = "sessionId", skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
}

impl TriggerKind for Schedule {
    fn specificity(&self) -> u8 {
        10
    }

    fn is_unasked(&self) -> bool {
        true
    }

    /// Notes all that is wrong before it gives up.
    fn compile(&self, id: &str, scope: Option<&str>, compiler: &mut Compiler<'_>) -> Option<Index> {
        let Self { cron: pattern, tags, session } = self;
        let cron = schedule::cron(pattern);
        if cron.is_none() {
            let why =
                "five fields: minute, hour, day, month, weekday, such as `0 9 * * MON`, and a day that comes";
            compiler.find(Code::E001, "on", why);
        }
        if tags.is_empty() {
            let why = "a schedule needs somebody: give tags; it is for contacts who agreed and have one of them";
            compiler.find(Code::E019, "on/tags", why);
        }
        if tags.len() > MOST_TAGS {
            let why = format!("{} of at most {MOST_TAGS} tags; divide them", tags.len());
            compiler.find(Code::E017, "on/tags", why);
        }
        tags.iter().for_each(|tag| compiler.known("on/tags", |known| &known.tags, tag));
        if session.as_ref().is_some_and(|session| session.parse::<AccountId>().is_err()) {
            compiler.find(Code::E001, "on/sessionId", "this is no id of a session");
        }
        Some(Index::Schedule(schedule::Schedule {
            trigger: id.to_owned(),
            scope: scope.unwrap_or(Consent::MARKETING).to_owned(),
            tags: tags.clone(),
            session: session.clone(),
            cron: Box::new(cron?),
            pattern: pattern.clone(),
            zone: compiler.zone.clone(),
        }))
    }
}
