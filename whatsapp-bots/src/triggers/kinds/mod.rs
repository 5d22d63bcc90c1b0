//! The kinds of trigger, one file each: its settings, with a sample, and how it is found.
//!
//! A new kind is one file here, one line in the list below, and its golden cases in `testdata/kinds/triggers`.
use serde::{Deserialize, Serialize};

use super::index::{Index, TriggerKind};
use crate::compile::Compiler;

macro_rules! kinds {
    (
        settings { $($kind:literal $file:ident $Type:ident $doc:literal)* }
        plain { $($plain_kind:literal $plain_file:ident $Plain:ident $plain_doc:literal)* }
    ) => {
        $(mod $file;)*
        $(mod $plain_file;)*
        $(pub use self::$file::$Type;)*

        /// What a trigger is about, the most specific first.
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
        #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
        #[serde(rename_all = "camelCase")]
        pub enum On {
            $(#[doc = $doc] $Type($Type),)*
            $(#[doc = $plain_doc] $Plain,)*
        }

        impl On {
            /// The names of all kinds, as in JSON.
            pub const NAMES: &[&str] = &[$($kind,)* $($plain_kind,)*];

            /// Its name, as in JSON.
            pub const fn name(&self) -> &'static str {
                match self {
                    $(Self::$Type(_) => $kind,)*
                    $(Self::$Plain => $plain_kind,)*
                }
            }

            fn kind(&self) -> &dyn TriggerKind {
                match self {
                    $(Self::$Type(settings) => settings,)*
                    $(Self::$Plain => &$plain_file::$Plain,)*
                }
            }
        }
    };
}

kinds! {
    settings {
        "payload" payload Payload "A button or a row of a list with one of these ids."
        "campaignReply" campaign_reply CampaignReply "An answer to a campaign, or to that one."
        "keyword" keyword Keyword "Words: exact, then beginning with, then containing; of two, the longer."
        "regex" regex Regex "A pattern in the text."
        "media" media Media "Media of one of these kinds; any without one."
        "schedule" schedule Schedule "A time that the host keeps."
        "event" event Event "An event from outside, by name; its data are params."
    }
    plain {
        "firstContact" first_contact FirstContact "The first message of a contact."
        "anyMessage" any_message AnyMessage "Any message."
    }
}

impl On {
    pub(crate) fn specificity(&self) -> u8 {
        self.kind().specificity()
    }

    /// What it is about, as text that another trigger of the same subject has, too.
    pub(crate) fn subjects(&self) -> impl Iterator<Item = String> {
        self.kind().subjects().into_iter().map(|subject| format!("{} {subject}", self.name()))
    }

    /// Does it come without anybody in the chat having done something? Then a consent has to cover its scope.
    pub fn is_unasked(&self) -> bool {
        self.kind().is_unasked()
    }

    pub(crate) fn compile(
        &self,
        id: &str,
        scope: Option<&str>,
        compiler: &mut Compiler<'_>,
    ) -> Option<Index> {
        self.kind().compile(id, scope, compiler)
    }
}
