//! The interface of a backend, one small trait per domain.
mod appstate;
mod audience;
mod audit;
mod campaign;
mod chat;
mod contact;
mod contacted;
mod conversation;
mod counter;
mod device;
mod event;
mod flow;
mod lease;
mod message;
mod notice;
mod outgoing;
mod person;
mod session;
mod setting;
mod signal;
mod team;
mod webhook;

pub use appstate::AppStateStore;
use async_trait::async_trait;
pub use audience::*;
pub use audit::*;
pub use campaign::*;
pub use chat::{ChatPage, ChatStore};
pub use contact::*;
pub use contacted::ContactedStore;
pub use conversation::{ConversationPage, ConversationStore};
pub use counter::*;
pub use device::DeviceStore;
pub use event::EventStore;
pub use flow::*;
pub use lease::LeaseStore;
pub use message::{MessagePage, MessageQuery, MessageStore, page_limit};
pub use notice::NoticeStore;
pub use outgoing::OutgoingStore;
pub use person::PersonStore;
pub use session::{SessionPage, SessionStore};
pub use setting::SettingStore;
pub use signal::SignalStore;
pub use team::*;
pub use webhook::*;

use crate::{Changes, Result};

/// All domains, and the macro that forwards each. The macro's input is put before them.
#[doc(hidden)]
#[macro_export]
macro_rules! with_domains {
    ($($path:ident)::+! $($arguments:tt)*) => {
        $($path)::+! { $($arguments)*
            DeviceStore(forward_device);
            SignalStore(forward_signal);
            PersonStore(forward_person);
            NoticeStore(forward_notice);
            OutgoingStore(forward_outgoing);
            AppStateStore(forward_app_state);
            MessageStore(forward_message);
            ChatStore(forward_chat);
            SessionStore(forward_session);
            EventStore(forward_event);
            LeaseStore(forward_lease);
            ContactStore(forward_contact);
            AudienceStore(forward_audience);
            CampaignStore(forward_campaign);
            FlowStore(forward_flow);
            ConversationStore(forward_conversation);
            TeamStore(forward_team);
            WebhookStore(forward_webhook);
            CounterStore(forward_counter);
            AuditStore(forward_audit);
            SettingStore(forward_setting);
            ContactedStore(forward_contacted);
        }
    };
}

/// All domains whose writes have their own type: the variant of [`Change`](crate::Change), the module that has it in every
/// backend, the type, and its scope. The macro's input is put before them.
macro_rules! with_changes {
    ($($path:ident)::+! $($arguments:tt)*) => {
        $($path)::+! { $($arguments)*
            /// A write to the account's notices.
            Notice(notice: NoticeChange) of an account;
            /// A write to the account's app state.
            AppState(appstate: AppStateChange) of an account;
            /// A write to the account's chats.
            Chat(chat: ChatChange) of an account;
            /// A write to the outbox.
            Event(event: EventChange) of a workspace;
            /// A write to contacts, their consent, and suppressions.
            Contact(contact: ContactChange) of a workspace;
            /// A write to campaigns: their audience, the state of each recipient, and which sender has which part.
            Campaign(campaign: CampaignChange) of a workspace;
            /// A write to chatbot flows, their versions, and conversations.
            Flow(flow: FlowChange) of a workspace;
            /// A write to workspaces, users and API keys.
            Team(team: TeamChange) of a workspace;
            /// A write to webhook endpoints and deliveries.
            Webhook(webhook: WebhookChange) of a workspace;
            /// A write to counters for analytics.
            Counter(counter: CounterChange) of a workspace;
            /// A write to the audit log.
            Audit(audit: AuditChange) of a workspace;
            /// A write to settings.
            Setting(setting: SettingChange) of a workspace;
            /// A write to the notes of contacted people.
            Contacted(contacted: ContactedChange) of a workspace;
        }
    };
}
pub(crate) use with_changes;

macro_rules! store {
    ($($domain:ident($_forward:ident);)+) => {
        /// A whole backend: all reads, and the one write.
        ///
        /// A read that starts after a commit returned sees that commit. Text may hold any Unicode, U+0000 included, because much
        /// of it comes from strangers; bytes are any bytes.
        #[async_trait]
        pub trait Store: $($domain +)+ std::fmt::Debug + Send + Sync {
            /// Writes all of `changes` in one transaction; when this returns `Ok` they survive a crash. Commits of one task are
            /// applied in the order in which the task makes them.
            ///
            /// Dropping the future does not cancel a commit: it may still happen.
            ///
            /// # Errors
            /// Then nothing was written, with one exception: when the connection to a server breaks during the
            /// commit, the outcome is unknown ([`ErrorKind::Busy`](crate::ErrorKind::Busy)). All changes can be repeated
            /// with the same effect, except those that add: events, counters and the audit log.
            async fn commit(&self, changes: Changes) -> Result<()>;

            /// Reseals secrets at rest that are not sealed with the first key, at most `limit` of each kind, and returns
            /// their number: repeat it until it returns 0. It runs beside all other work. A store that seals nothing
            /// has nothing to do.
            ///
            /// # Errors
            /// When they cannot be read or written; values that were resealed before stay so.
            async fn reseal(&self, limit: u32) -> Result<u64> {
                let _ = limit;
                Ok(0)
            }

            /// Finishes the commits under way and closes the backend, so that another process may open it. Later calls may
            /// fail. Dropping a store does the same, without reporting when it is done.
            async fn close(&self) {}
        }
    };
}

with_domains! { store! }
