//! Settings from code: accounts by their ids, and checked at the end.
use std::collections::BTreeSet;

use whatsapp_store::{AccountId, Content};

use super::settings::{AutoPause, Canary, Settings, SettingsError, SourceFilter};
use crate::{
    content::{Category, Definition, Variable, Variant},
    window::{QuietHours, Schedule, Timing},
};

/// Makes [`Settings`]. The JSON of the result is that of settings which somebody wrote.
///
/// ```
/// use whatsapp_campaigns::{
///     content::{Category, Definition, Kind, Missing, Variable},
///     model::Settings,
///     window::Timing,
/// };
/// use whatsapp_store::{AccountId, Content};
///
/// let shop: AccountId = "shop".parse()?;
/// let content = Definition::new(Category::Utility)
///     .with_variable("name", Variable::new(Kind::Text, Missing::Skip))
///     .with_variant("a", Content::text("Hello {{ name }}, we moved."));
/// let settings = Settings::builder(content, Timing::once(1_790_000_000_000)).sender(&shop).per_minute(30).build()?;
/// assert_eq!(settings.senders, ["shop"]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct SettingsBuilder {
    settings: Settings,
    senders: Vec<AccountId>,
}

impl Settings {
    /// Begins with what is sent and when. Senders are needed, too.
    pub fn builder(content: Definition, timing: Timing) -> SettingsBuilder {
        let settings = Self {
            senders: Vec::new(),
            content,
            timing,
            audience: None,
            weight: 1,
            per_minute: None,
            canary: Some(Canary::default()),
            auto_pause: AutoPause::default(),
            new_conversations: false,
            needs_approval: false,
        };
        SettingsBuilder { settings, senders: Vec::new() }
    }
}

impl SettingsBuilder {
    /// Adds an account that sends. All are of the campaign's workspace.
    pub fn sender(mut self, account: &AccountId) -> Self {
        self.senders.push(account.clone());
        self
    }

    /// Takes the recipients from the contacts of the workspace, and not from a file.
    pub fn audience(mut self, audience: SourceFilter) -> Self {
        self.settings.audience = Some(audience);
        self
    }

    /// Its turns, compared with other campaigns of the same sender: 1 to 100.
    pub fn weight(mut self, weight: u32) -> Self {
        self.settings.weight = weight;
        self
    }

    /// Messages in a minute at most, over all its senders.
    pub fn per_minute(mut self, messages: u32) -> Self {
        self.settings.per_minute = Some(messages);
        self
    }

    /// Another first part; `None` for none.
    pub fn canary(mut self, canary: Option<Canary>) -> Self {
        self.settings.canary = canary;
        self
    }

    /// When it stops by itself.
    pub fn auto_pause(mut self, auto_pause: AutoPause) -> Self {
        self.settings.auto_pause = auto_pause;
        self
    }

    /// Writes also to people with whom the account has no conversation yet.
    pub fn new_conversations(mut self) -> Self {
        self.settings.new_conversations = true;
        self
    }

    /// A second person has to agree before it starts.
    pub fn needs_approval(mut self) -> Self {
        self.settings.needs_approval = true;
        self
    }

    /// The settings, checked.
    ///
    /// # Errors
    /// When something is wrong with them, or the senders are of several workspaces.
    pub fn build(self) -> Result<Settings, SettingsError> {
        let Self { mut settings, senders } = self;
        let workspaces: BTreeSet<&str> = senders.iter().map(|account| account.workspace().as_str()).collect();
        if workspaces.len() > 1 {
            return Err(SettingsError::Workspaces);
        }
        settings.senders = senders.iter().map(|account| account.name().to_owned()).collect();
        settings.check()?;
        Ok(settings)
    }
}

impl Definition {
    /// One without variables and variants.
    pub fn new(category: Category) -> Self {
        let (variables, variants, split) = Default::default();
        Self { category, variables, variants, split, winner: None, opt_out_override: None }
    }

    /// Declares a variable.
    #[must_use]
    pub fn with_variable(mut self, name: impl Into<String>, variable: Variable) -> Self {
        self.variables.insert(name.into(), variable);
        self
    }

    /// Adds a variant that gets as many recipients as the others.
    #[must_use]
    pub fn with_variant(mut self, name: impl Into<String>, content: Content) -> Self {
        self.variants.push(Variant { name: name.into(), weight: 1, content });
        self
    }
}

impl Timing {
    /// At one moment for all, milliseconds since the Unix epoch, with the usual quiet hours.
    pub fn once(at: crate::window::Millis) -> Self {
        Self { schedule: Schedule::Once { at }, quiet_hours: Some(QuietHours::default()), ends_at: None }
    }
}

#[cfg(test)]
mod tests {
    use whatsapp_store::WorkspaceId;

    use super::*;

    fn builder() -> SettingsBuilder {
        let content = Definition::new(Category::Utility).with_variant("a", Content::text("We moved."));
        Settings::builder(content, Timing::once(1_790_000_000_000))
    }

    #[test]
    fn what_is_built_is_what_the_json_says() {
        let account = AccountId::new(WorkspaceId::default(), "shop").unwrap();
        let json = r#"{"senders":["shop"],
            "content":{"category":"utility","variants":[{"name":"a","content":{"type":"text","text":"We moved."}}]},
            "timing":{"schedule":{"type":"once","at":1790000000000}}}"#;
        let built = builder().sender(&account).build().unwrap();
        assert_eq!(built, Settings::from_json(json).unwrap());
    }

    #[test]
    fn what_does_not_work_is_not_built() {
        let of = |workspace: &str| AccountId::new(workspace.parse::<WorkspaceId>().unwrap(), "shop").unwrap();
        assert!(matches!(builder().build(), Err(SettingsError::Senders)));
        let mixed = builder().sender(&of("one")).sender(&of("other")).build();
        assert!(matches!(mixed, Err(SettingsError::Workspaces)));
        assert!(matches!(builder().sender(&of("one")).weight(0).build(), Err(SettingsError::Weight)));
    }
}
