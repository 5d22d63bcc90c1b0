//! What a person decides about a campaign.
use std::{collections::BTreeSet, sync::Arc};

use serde::{Deserialize, Serialize};
use whatsapp_store::AudienceFilter;

use crate::{
    content::{Definition, JsonError, Problems, Template, read_json},
    pacing::{Rate, SECOND},
    person::{self, PhoneError},
    window::{Plan, ScheduleError, Timing},
};

/// A campaign sends from this many accounts at most.
const MOST_SENDERS: usize = 64;

/// What a person decides about a campaign: JSON in camelCase.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Settings {
    /// The accounts that send, by name. Who writes to somebody is decided once, when the audience is frozen.
    pub senders: Vec<String>,
    /// What is sent.
    pub content: Definition,
    /// When.
    pub timing: Timing,
    /// Contacts of the workspace; without it, the audience is a file that somebody uploads.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audience: Option<SourceFilter>,
    /// Its turns, compared with other campaigns of the same sender: 1 to 100.
    #[serde(default = "one")]
    pub weight: u32,
    /// Messages in a minute at most, over all its senders.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub per_minute: Option<u32>,
    /// A first part, and a pause to hear what people say to it; `null` for none.
    #[serde(default = "usual")]
    pub canary: Option<Canary>,
    /// When it stops by itself.
    #[serde(default)]
    pub auto_pause: AutoPause,
    /// Write also to people with whom the account has no conversation yet. Accounts that do so often are restricted by the
    /// service, so the sender's limit of different people in a day holds for them in particular.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub new_conversations: bool,
    /// A second person has to agree before it starts.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub needs_approval: bool,
}

fn one() -> u32 {
    1
}

#[allow(clippy::unnecessary_wraps, reason = "the type of the field")]
fn usual() -> Option<Canary> {
    Some(Canary::default())
}

/// Contacts of the workspace, those who agreed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SourceFilter {
    /// Which contacts.
    pub filter: AudienceFilter,
    /// People to leave out, in any spelling of their numbers with the country's code.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub exclude: BTreeSet<String>,
}

/// The first part of a campaign.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Canary {
    /// So many are written to first, or a hundredth of all if that is more.
    pub first: u32,
    /// Then nothing is sent for so many minutes.
    pub hold_minutes: u32,
    /// Campaigns with fewer recipients have none.
    pub over: u32,
}

impl Default for Canary {
    /// 100 or 1 %, then 15 minutes, from 1,000 recipients on.
    fn default() -> Self {
        Self { first: 100, hold_minutes: 15, over: 1_000 }
    }
}

impl Canary {
    /// How many of so many recipients come first; `None` when all do.
    pub fn size(&self, recipients: u64) -> Option<u64> {
        let first = u64::from(self.first.max(1)).max(recipients / 100);
        (recipients > u64::from(self.over) && first < recipients).then_some(first)
    }
}

/// When a campaign stops by itself, in thousandths of the messages that were sent. A person lets it go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct AutoPause {
    /// Nothing is concluded from fewer messages.
    pub min_sample: u32,
    /// What is counted is what failed within so many minutes.
    pub window_minutes: u32,
    /// So many failed.
    pub failed_permille: u32,
    /// So many want no more of it.
    pub opted_out_permille: u32,
    /// So many complained.
    pub reported_permille: u32,
}

impl AutoPause {
    /// Are `count` of so many messages more than so many thousandths, and the messages enough to say so?
    pub(crate) fn is_exceeded(self, count: u64, of: u64, permille: u32) -> bool {
        of >= u64::from(self.min_sample) && count * 1_000 > of * u64::from(permille)
    }
}

impl Default for AutoPause {
    /// 10 % failed within an hour, 2 % opted out, or 0.5 % complained, of 50 messages or more.
    fn default() -> Self {
        Self {
            min_sample: 50,
            window_minutes: 60,
            failed_permille: 100,
            opted_out_permille: 20,
            reported_permille: 5,
        }
    }
}

/// Settings that work.
#[derive(Clone, Debug)]
pub struct Checked {
    /// What is sent.
    pub template: Arc<Template>,
    /// When.
    pub plan: Plan,
    /// At most so fast, over all senders.
    pub rate: Option<Rate>,
}

/// What is wrong with settings. All texts are for the person who wrote them.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SettingsError {
    /// They cannot be read.
    #[error(transparent)]
    Json(#[from] JsonError),
    /// The content.
    #[error(transparent)]
    Content(#[from] Problems),
    /// The timing.
    #[error("timing.{0}")]
    Timing(#[from] ScheduleError),
    /// The senders.
    #[error("senders: name 1 to {MOST_SENDERS} accounts, each once")]
    Senders,
    /// Senders of several workspaces.
    #[error("senders: accounts of one workspace are needed")]
    Workspaces,
    /// The weight.
    #[error("weight: a number from 1 to 100 is needed")]
    Weight,
    /// The rate.
    #[error("perMinute: a number from 1 to 100,000 is needed; leave it out for no limit")]
    Rate,
    /// The canary or the automatic pause.
    #[error("{0}: this never does anything; give a number above 0, or leave it out")]
    Zero(&'static str),
    /// Each run of a recurring campaign takes the contacts of that day.
    #[error(
        "audience: a recurring campaign takes its recipients from the contacts at each run; give a filter"
    )]
    Recurring,
    /// Somebody to leave out cannot be found by what is written.
    #[error("audience.exclude: `{text}` is no number that can be found: {why}")]
    Exclude {
        /// What is written.
        text: String,
        /// What is wrong with it.
        why: PhoneError,
    },
    /// A filter of contacts without a consent.
    #[error("audience.filter.consentScope: say what the contacts must have agreed to, such as `marketing`")]
    Consent,
}

impl Settings {
    /// Reads them. The errors say where in the JSON, and never what stands there.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn from_json(text: &str) -> Result<Self, JsonError> {
        read_json(text)
    }

    /// Are they such that a campaign can be sent?
    ///
    /// # Errors
    /// When something is wrong with them.
    pub fn check(&self) -> Result<Checked, SettingsError> {
        let template = Arc::new(Template::new(&self.content)?);
        let plan = self.timing.plan()?;
        let different: BTreeSet<_> = self.senders.iter().collect();
        if different.len() != self.senders.len() || !(1..=MOST_SENDERS).contains(&self.senders.len()) {
            return Err(SettingsError::Senders);
        }
        if !(1..=100).contains(&self.weight) {
            return Err(SettingsError::Weight);
        }
        if self.per_minute.is_some_and(|rate| !(1..=100_000).contains(&rate)) {
            return Err(SettingsError::Rate);
        }
        if self.canary.is_some_and(|canary| canary.first == 0) {
            return Err(SettingsError::Zero("canary.first"));
        }
        if self.auto_pause.min_sample == 0 || self.auto_pause.window_minutes == 0 {
            return Err(SettingsError::Zero("autoPause"));
        }
        if plan.is_recurring() && self.audience.is_none() {
            return Err(SettingsError::Recurring);
        }
        if self.audience.as_ref().is_some_and(|audience| audience.filter.consent_scope.is_none()) {
            return Err(SettingsError::Consent);
        }
        for text in self.audience.iter().flat_map(|audience| &audience.exclude) {
            if let Err(why) = person::parse(text, None) {
                return Err(SettingsError::Exclude { text: text.clone(), why });
            }
        }
        let rate = self.per_minute.map(|count| Rate::per(count, 60 * SECOND, 1));
        Ok(Checked { template, plan, rate })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: &str = r#"{"senders":["shop"],"content":{"category":"utility","variants":[{"name":"a","content":{"type":"text","text":"Hello"}}]},"timing":{"schedule":{"type":"once","at":1}}}"#;

    #[test]
    fn what_is_not_said_is_careful() {
        let settings = Settings::from_json(PLAIN).unwrap();
        assert_eq!((settings.canary, settings.weight), (Some(Canary::default()), 1));
        assert_eq!(settings.auto_pause.opted_out_permille, 20);
        assert!(settings.timing.quiet_hours.is_some());
        settings.check().unwrap();
        let json = serde_json::to_string(&settings).unwrap();
        assert_eq!(Settings::from_json(&json).unwrap(), settings);
    }

    #[test]
    fn a_canary_is_a_hundred_or_a_hundredth_of_many() {
        let canary = Canary::default();
        assert_eq!([1_000, 1_001, 50_000].map(|all| canary.size(all)), [None, Some(100), Some(500)]);
        assert_eq!(Canary { first: 10, over: 0, ..canary }.size(10), None);
    }

    #[test]
    fn what_does_not_work_is_said() {
        for (from, to, says) in [
            (r#"["shop"]"#, "[]", "1 to 64"),
            (r#"["shop"]"#, r#"["a","a"]"#, "each once"),
            (r#""timing""#, r#""weight":0,"timing""#, "weight"),
            (r#""timing""#, r#""perMinute":0,"timing""#, "perMinute"),
            (r#""timing""#, r#""canary":{"first":0},"timing""#, "canary.first"),
            (r#""timing""#, r#""autoPause":{"minSample":0},"timing""#, "autoPause"),
            (
                r#"{"type":"once","at":1}"#,
                r#"{"type":"recurring","cron":"0 9 * * MON","zone":"Etc/UTC"}"#,
                "filter",
            ),
            (r#""timing""#, r#""audience":{"filter":{}},"timing""#, "consentScope"),
            ("Hello", "{{ name }}", "name"),
        ] {
            assert!(PLAIN.contains(from), "{from}");
            let error = Settings::from_json(&PLAIN.replacen(from, to, 1)).unwrap().check().unwrap_err();
            assert!(error.to_string().contains(says), "{error}");
        }
        assert!(Settings::from_json(&PLAIN.replacen(r#""timing""#, r#""spintax":1,"timing""#, 1)).is_err());
    }
}
