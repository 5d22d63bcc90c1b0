//! The unit of work: what one commit writes.
use std::fmt;

use bytes::Bytes;

#[cfg(any(feature = "memory", feature = "sqlite", feature = "postgres"))]
use crate::error::{Error, ErrorKind, Result};
use crate::{
    record::{
        AccountId, DeviceRecord, Fence, MessageEdit, MessageKey, MessageRecord, MessageStatus,
        OutgoingMessage, OutgoingState, PersonAddress, PersonRecord, SessionObservation, SessionRecord,
        SignalKey, WorkspaceId,
    },
    traits::with_changes,
};

macro_rules! change {
    ($($(#[$doc:meta])* $name:ident($module:ident: $change:ident) of $article:ident $whose:ident;)+) => {
        /// One write. Applied in the order given. `Debug` shows no key material and no text of a person.
        #[derive(Clone, PartialEq)]
        #[non_exhaustive]
        pub enum Change {
            /// Writes the account's device.
            PutDevice(DeviceRecord),
            /// Removes the device and everything that belongs to it: Signal records, people, notices, outgoing messages.
            /// Messages and the session record stay; messages that were still queued have failed then.
            DeleteDevice,
            /// As [`Change::DeleteDevice`], but queued messages stay queued: another device of the same account sends them.
            ReplaceDevice,
            /// Writes a Signal record.
            PutSignal(SignalKey, Bytes),
            /// Removes a Signal record; an absent one is accepted.
            DeleteSignal(SignalKey),
            /// Writes a person. Every record of the account with the same number or the same LID is replaced, so that one person
            /// known by two records becomes one. A record with neither makes the commit fail with
            /// [`ErrorKind::Invalid`](crate::ErrorKind::Invalid).
            PutPerson(PersonRecord),
            /// Removes the person who has this address; an absent one is accepted.
            DeletePerson(PersonAddress),
            /// Writes an outgoing message; one of the same id is replaced, and keeps its place among those made in the same
            /// millisecond.
            PutOutgoing(OutgoingMessage),
            /// Changes the state of an outgoing message; an absent one is accepted.
            SetOutgoingState(String, OutgoingState),
            /// Removes outgoing messages in state [`OutgoingState::Sent`] made before that time (milliseconds).
            ExpireOutgoing(i64),
            /// Inserts a message; one with the same key stays as it is.
            PutMessage(MessageRecord),
            /// Changes a message as its sender edited or deleted it: see [`MessageRecord::edit`]. An edit of an absent message waits for
            /// it for thirty days.
            EditMessage(MessageEdit),
            /// Raises the status of a message. An absent message is accepted; a lower or equal status changes nothing.
            /// [`MessageStatus::Failed`] is applied only over [`MessageStatus::Queued`].
            RaiseStatus(MessageKey, MessageStatus),
            /// Makes the commit fail with [`ErrorKind::Conflict`](crate::ErrorKind::Conflict) unless the account's session record is
            /// still the one that was read, as the changes before it in the commit leave things.
            ExpectSession {
                /// The [`SessionRecord::updated_at`] that was read; `None` if there was no session.
                updated_at: Option<i64>,
            },
            /// Writes the account's session record, except its observed state. A record that names another account makes the
            /// commit fail with [`ErrorKind::Invalid`](crate::ErrorKind::Invalid).
            PutSession(SessionRecord),
            /// Writes the observed state of the account's session. Has no effect if there is no session.
            SetObserved(SessionObservation),
            /// Removes the session and everything else of the account, except events.
            DeleteSession,
            $(
                $(#[$doc])*
                $name(crate::$change),
            )+
        }

        // Lets `Changes::push` take the changes of a domain directly.
        $(impl From<crate::$change> for Change {
            fn from(change: crate::$change) -> Self {
                Self::$name(change)
            }
        })+

        impl Change {
            /// Does it belong to an account, so that a commit of a workspace cannot contain it?
            #[cfg(any(feature = "memory", feature = "sqlite", feature = "postgres"))]
            const fn needs_account(&self) -> bool {
                match self {
                    $(Self::$name(_) => needs_account!($whose),)+
                    _ => true,
                }
            }

            /// The change of a domain that it is, if it is one.
            fn of_domain(&self) -> Option<&dyn fmt::Debug> {
                match self {
                    $(Self::$name(change) => Some(change),)+
                    _ => None,
                }
            }
        }
    };
}

#[cfg(any(feature = "memory", feature = "sqlite", feature = "postgres"))]
macro_rules! needs_account {
    (account) => {
        true
    };
    (workspace) => {
        false
    };
}

/// As a pattern: the change of any domain.
macro_rules! any_domain {
    () => {
        crate::traits::with_changes! { crate::changes::any_of! }
    };
}
macro_rules! any_of {
    ($($(#[$doc:meta])* $name:ident($module:ident: $change:ident) of $article:ident $whose:ident;)+) => {
        $(crate::Change::$name(_))|+
    };
}
#[cfg(any(feature = "memory", feature = "sqlite", feature = "postgres"))]
pub(crate) use any_domain;
pub(crate) use any_of;

with_changes! { change! }

impl Change {
    /// Can it be written in this scope at all? Backends ask before they apply it.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] when it contradicts the scope.
    #[cfg(any(feature = "memory", feature = "sqlite", feature = "postgres"))]
    pub(crate) fn check(&self, scope: &Scope) -> Result<()> {
        let why = match (self, scope.account()) {
            (change, None) if change.needs_account() => {
                "a change of an account needs a commit of that account"
            }
            (Self::PutSession(session), Some(account)) if session.id != *account => {
                "a session record belongs to the account of its own id"
            }
            (Self::PutPerson(PersonRecord { pn: None, lid: None, .. }), _) => {
                "a person has a phone number or a linked id"
            }
            (Self::Webhook(crate::WebhookChange::PutDelivery(delivery)), _)
                if delivery.state.is_done() != delivery.done_at.is_some() =>
            {
                "a delivery has a time of its end when it is done, and only then"
            }

            (Self::Flow(change), _) => return change.check(scope),
            (Self::Team(change), _) => return change.check(scope),
            _ => return Ok(()),
        };
        Err(Error::new(ErrorKind::Invalid, "writing to the store").because(why))
    }
}

impl fmt::Debug for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PutDevice(device) => f.debug_tuple("PutDevice").field(device).finish(),
            Self::DeleteDevice => f.write_str("DeleteDevice"),
            Self::ReplaceDevice => f.write_str("ReplaceDevice"),
            Self::PutSignal(key, value) => {
                f.debug_tuple("PutSignal").field(key).field(&format_args!("{} bytes", value.len())).finish()
            }
            Self::DeleteSignal(key) => f.debug_tuple("DeleteSignal").field(key).finish(),
            Self::PutPerson(person) => f.debug_tuple("PutPerson").field(person).finish(),
            Self::DeletePerson(address) => f.debug_tuple("DeletePerson").field(address).finish(),
            Self::PutOutgoing(message) => f.debug_tuple("PutOutgoing").field(message).finish(),
            Self::SetOutgoingState(id, state) => {
                f.debug_tuple("SetOutgoingState").field(id).field(state).finish()
            }
            Self::ExpireOutgoing(before) => f.debug_tuple("ExpireOutgoing").field(before).finish(),
            Self::PutMessage(message) => f.debug_tuple("PutMessage").field(message).finish(),
            Self::EditMessage(edit) => f.debug_tuple("EditMessage").field(edit).finish(),
            Self::RaiseStatus(key, status) => f.debug_tuple("RaiseStatus").field(key).field(status).finish(),
            Self::ExpectSession { updated_at } => {
                f.debug_struct("ExpectSession").field("updated_at", updated_at).finish()
            }
            Self::PutSession(session) => f.debug_tuple("PutSession").field(session).finish(),
            Self::SetObserved(observed) => f.debug_tuple("SetObserved").field(observed).finish(),
            Self::DeleteSession => f.write_str("DeleteSession"),
            any_domain!() => self.of_domain().map_or(Ok(()), |change| change.fmt(f)),
        }
    }
}

/// Whose records a commit writes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Scope {
    /// The workspace itself.
    Workspace(WorkspaceId),
    /// An account, and its workspace.
    Account(AccountId),
}

impl Scope {
    /// The workspace.
    pub const fn workspace(&self) -> &WorkspaceId {
        match self {
            Self::Workspace(workspace) => workspace,
            Self::Account(account) => account.workspace(),
        }
    }

    /// The account, if it is one.
    pub const fn account(&self) -> Option<&AccountId> {
        match self {
            Self::Workspace(_) => None,
            Self::Account(account) => Some(account),
        }
    }
}

impl From<WorkspaceId> for Scope {
    fn from(workspace: WorkspaceId) -> Self {
        Self::Workspace(workspace)
    }
}

impl From<AccountId> for Scope {
    fn from(account: AccountId) -> Self {
        Self::Account(account)
    }
}

/// What one commit writes, for one account or one workspace.
#[derive(Clone, Debug, PartialEq)]
pub struct Changes {
    /// The scope.
    pub scope: Scope,
    /// The lease that the commit depends on, if any: once another holder has it, the commit fails with
    /// [`ErrorKind::Fenced`](crate::ErrorKind::Fenced).
    pub fence: Option<Fence>,
    /// In order.
    pub list: Vec<Change>,
}

impl Changes {
    /// No writes yet.
    pub fn new(scope: impl Into<Scope>) -> Self {
        Self { scope: scope.into(), fence: None, list: Vec::new() }
    }

    /// Adds a write.
    pub fn push(&mut self, change: impl Into<Change>) -> &mut Self {
        self.list.push(change.into());
        self
    }

    /// Is there nothing to write?
    pub const fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Takes the writes and leaves none.
    pub fn take(&mut self) -> Self {
        Self { scope: self.scope.clone(), fence: self.fence.clone(), list: std::mem::take(&mut self.list) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Content, MediaRef, MessageStatus, SignalKind, Source};

    #[test]
    fn debug_shows_neither_secrets_nor_texts() {
        let mut changes = Changes::new("a".parse::<AccountId>().unwrap());
        changes.push(Change::PutSignal(
            SignalKey::new(SignalKind::Session, "alice.1"),
            Bytes::from_static(b"hidden"),
        ));
        changes.push(Change::PutDevice(DeviceRecord {
            jid: None,
            lid: None,
            state: Bytes::from_static(b"hidden"),
        }));
        let person = PersonRecord { pn: Some("1".into()), lid: None, state: Bytes::from_static(b"hidden") };
        changes.push(Change::PutPerson(person));
        changes.push(Change::PutOutgoing(OutgoingMessage {
            id: "1".into(),
            chat: "c".into(),
            payload: Bytes::from_static(b"hidden"),
            state: OutgoingState::Queued,
            created_at: 0,
        }));
        changes.push(Change::PutMessage(MessageRecord {
            key: MessageKey { chat: "c".into(), sender: "s".into(), id: "1".into() },
            from_me: false,
            timestamp: 0,
            content: Content::text("hidden"),
            edited_at: None,
            status: MessageStatus::Delivered,
            source: Source::Live,
            push_name: Some("hidden".into()),
            quoted: None,
            media: Some(MediaRef { secret: Bytes::from_static(b"hidden"), ..MediaRef::default() }),
        }));
        let shown = format!("{changes:?} {:?}", Content::text("hidden"));
        assert!(!shown.contains("hidden"), "{shown}");
        assert!(shown.contains("6 bytes") && shown.contains("Content(text)"), "{shown}");
    }

    #[test]
    fn take_leaves_nothing_behind() {
        let mut changes = Changes::new("a".parse::<AccountId>().unwrap());
        changes.push(Change::DeleteDevice);
        let taken = changes.take();
        assert_eq!((taken.list.len(), changes.is_empty()), (1, true));
        assert_eq!(taken.scope, changes.scope);
    }
}
