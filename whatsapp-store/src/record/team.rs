//! Workspaces, users and API keys.
use std::fmt;

use serde::{Deserialize, Serialize};

#[cfg(any(feature = "memory", feature = "sqlite", feature = "postgres"))]
use crate::{Error, ErrorKind, Result, Scope};

use super::WorkspaceId;

/// SHA-256 of a long random secret, such as an API key.
pub type SecretHash = [u8; 32];

/// A tenant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WorkspaceRecord {
    /// Its id.
    pub id: WorkspaceId,
    /// A name for people.
    pub name: String,
    /// What it may use, as the host calls it.
    pub tier: String,
    /// Milliseconds since the Unix epoch.
    pub created_at: i64,
    /// When it was last changed by a person, milliseconds since the Unix epoch. Rises with every such write, by one at least, and so
    /// names what was read: see [`TeamChange::ExpectWorkspace`].
    #[serde(default)]
    pub updated_at: i64,
}

/// What a user may do in the workspace. The numbers are stored: never change one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
#[non_exhaustive]
pub enum Role {
    /// Everything, the workspace itself included.
    Owner = 1,
    /// Everything but the workspace itself.
    Admin = 2,
    /// Talks to people.
    Agent = 3,
    /// Looks on.
    Viewer = 4,
}

impl Role {
    /// The stored number.
    pub const fn code(self) -> u8 {
        self as u8
    }

    /// The role of a stored number.
    pub const fn from_code(code: u8) -> Option<Self> {
        Some(match code {
            1 => Self::Owner,
            2 => Self::Admin,
            3 => Self::Agent,
            4 => Self::Viewer,
            _ => return None,
        })
    }
}

/// A person who signs in. `Debug` shows neither who it is nor the password's hash, which is never part of JSON either.
#[derive(Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct UserRecord {
    /// Their id, unique in the workspace and chosen by the caller.
    pub id: String,
    /// The workspace they belong to.
    pub workspace: WorkspaceId,
    /// As they wrote it. No other user of any workspace has the same address, ignoring upper and lower case. Send mail here, never
    /// to the address that a visitor typed.
    pub email: String,
    /// A salted hash made to be slow, such as an argon2 string.
    #[serde(skip)]
    pub password_hash: String,
    /// A name for people.
    pub name: String,
    /// What they may do.
    pub role: Role,
    /// What they may use, as the host calls it.
    pub tier: String,
    /// Milliseconds since the Unix epoch.
    pub created_at: i64,
    /// Since when they may not sign in, milliseconds since the Unix epoch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disabled_at: Option<i64>,
    /// Sign-ins from before are over, milliseconds since the Unix epoch.
    pub password_changed_at: i64,
    /// When it was last changed by a person, milliseconds since the Unix epoch. Rises with every such write, by one at least, and so
    /// names what was read: see [`TeamChange::ExpectUser`].
    pub updated_at: i64,
}

/// A key of a program. `Debug` and JSON do not show its hash.
#[derive(Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ApiKeyRecord {
    /// Its id, unique in the workspace and chosen by the caller.
    pub id: String,
    /// The workspace it opens.
    pub workspace: WorkspaceId,
    /// Of the key.
    #[serde(skip)]
    pub hash: SecretHash,
    /// A name for people.
    pub name: String,
    /// What it may do, as the host calls it.
    pub scopes: Vec<String>,
    /// Milliseconds since the Unix epoch.
    pub created_at: i64,
    /// When it was last used, milliseconds since the Unix epoch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_used_at: Option<i64>,
    /// When it expires, milliseconds since the Unix epoch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<i64>,
    /// When it was taken back, milliseconds since the Unix epoch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked_at: Option<i64>,
    /// When it was last changed by a person, milliseconds since the Unix epoch. Rises with every such write, by one at least, and so
    /// names what was read: see [`TeamChange::ExpectApiKey`].
    pub updated_at: i64,
}

impl ApiKeyRecord {
    /// Does it open the workspace at that time (milliseconds since the Unix epoch)?
    pub fn is_valid(&self, now: i64) -> bool {
        self.revoked_at.is_none() && self.expires_at.is_none_or(|end| now < end)
    }
}

/// A secret that was sent to a user, and lets them in once. `Debug` shows nothing of it.
#[derive(Clone, PartialEq, Eq)]
pub struct ResetToken {
    /// Of the secret.
    pub hash: SecretHash,
    /// The user's workspace.
    pub workspace: WorkspaceId,
    /// The user's id.
    pub user: String,
    /// When it expires, milliseconds since the Unix epoch.
    pub expires_at: i64,
}

/// Writes of this domain. `Debug` shows no secret and no text of a person.
///
/// A record of another workspace than the commit's makes the commit fail with
/// [`ErrorKind::Invalid`](crate::ErrorKind::Invalid).
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum TeamChange {
    /// Makes the commit fail with [`ErrorKind::Conflict`](crate::ErrorKind::Conflict) unless the workspace's record is still the one that was
    /// read, as the changes before it in the commit leave things.
    ExpectWorkspace {
        /// The [`WorkspaceRecord::updated_at`] that was read; `None` if there was none.
        updated_at: Option<i64>,
    },
    /// Writes the workspace's record.
    PutWorkspace(WorkspaceRecord),
    /// Removes everything of the workspace: every row with its name in it, of all domains. Stop its accounts first: later writes
    /// stay.
    DeleteWorkspace,
    /// Makes the commit fail with [`ErrorKind::Conflict`](crate::ErrorKind::Conflict) unless the user is still the one that was
    /// read, as the changes before it in the commit leave things.
    ExpectUser {
        /// The user's id.
        user: String,
        /// The [`UserRecord::updated_at`] that was read; `None` if there was none.
        updated_at: Option<i64>,
    },
    /// Writes a user. An address that another has makes the commit fail with
    /// [`ErrorKind::Conflict`](crate::ErrorKind::Conflict).
    PutUser(UserRecord),
    /// Removes a user, and the token sent to them; an absent user is accepted.
    DeleteUser(String),
    /// Makes the commit fail with [`ErrorKind::Conflict`](crate::ErrorKind::Conflict) unless the key is still the one that was
    /// read, as the changes before it in the commit leave things.
    ExpectApiKey {
        /// The key's id.
        key: String,
        /// The [`ApiKeyRecord::updated_at`] that was read; `None` if there was none.
        updated_at: Option<i64>,
    },
    /// Writes a key, except its revocation and use: a revoked key keeps the time of its revocation, and the later
    /// [`last_used_at`](ApiKeyRecord::last_used_at) counts. A hash that another key has makes the commit fail with
    /// [`ErrorKind::Conflict`](crate::ErrorKind::Conflict).
    PutApiKey(ApiKeyRecord),
    /// Revokes a key; an absent one is accepted, and a revoked one keeps the time of its revocation.
    RevokeApiKey {
        /// The key's id.
        key: String,
        /// Milliseconds since the Unix epoch.
        at: i64,
    },
    /// Notes that a key was used; an absent one is accepted, and the latest time counts.
    TouchApiKey {
        /// The key's id.
        key: String,
        /// Milliseconds since the Unix epoch.
        at: i64,
    },
    /// Writes the token of a user and invalidates the earlier one. A hash that another token has makes the commit
    /// fail with [`ErrorKind::Conflict`](crate::ErrorKind::Conflict).
    PutResetToken(ResetToken),
}

impl TeamChange {
    /// The workspace that its record names.
    #[cfg(any(feature = "memory", feature = "sqlite", feature = "postgres"))]
    const fn workspace(&self) -> Option<&WorkspaceId> {
        match self {
            Self::PutWorkspace(WorkspaceRecord { id: workspace, .. })
            | Self::PutUser(UserRecord { workspace, .. })
            | Self::PutApiKey(ApiKeyRecord { workspace, .. })
            | Self::PutResetToken(ResetToken { workspace, .. }) => Some(workspace),
            _ => None,
        }
    }

    /// Errors of the change itself, whatever is stored.
    #[cfg(any(feature = "memory", feature = "sqlite", feature = "postgres"))]
    pub(crate) fn check(&self, scope: &Scope) -> Result<()> {
        if self.workspace().is_none_or(|workspace| workspace == scope.workspace()) {
            return Ok(());
        }
        let why = "the record is one of another workspace";
        Err(Error::new(ErrorKind::Invalid, "writing a workspace").because(why))
    }
}

/// The common form of addresses that differ only in upper and lower case, letter by letter, in any database.
#[cfg(any(feature = "memory", feature = "sqlite", feature = "postgres"))]
pub(crate) fn email_key(email: &str) -> String {
    email.chars().flat_map(char::to_lowercase).collect()
}

impl fmt::Debug for UserRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UserRecord").field("id", &self.id).field("role", &self.role).finish_non_exhaustive()
    }
}

impl fmt::Debug for ApiKeyRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApiKeyRecord")
            .field("id", &self.id)
            .field("scopes", &self.scopes)
            .field("revoked_at", &self.revoked_at)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for ResetToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResetToken").field("user", &self.user).finish_non_exhaustive()
    }
}

impl fmt::Debug for TeamChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ExpectWorkspace { updated_at } => {
                f.debug_tuple("ExpectWorkspace").field(updated_at).finish()
            }
            Self::ExpectUser { user, updated_at } => {
                f.debug_tuple("ExpectUser").field(user).field(updated_at).finish()
            }
            Self::ExpectApiKey { key, updated_at } => {
                f.debug_tuple("ExpectApiKey").field(key).field(updated_at).finish()
            }
            Self::PutWorkspace(workspace) => f.debug_tuple("PutWorkspace").field(&workspace.id).finish(),
            Self::DeleteWorkspace => f.write_str("DeleteWorkspace"),
            Self::PutUser(user) => f.debug_tuple("PutUser").field(user).finish(),
            Self::DeleteUser(user) => f.debug_tuple("DeleteUser").field(user).finish(),
            Self::PutApiKey(key) => f.debug_tuple("PutApiKey").field(key).finish(),
            Self::RevokeApiKey { key, .. } => f.debug_tuple("RevokeApiKey").field(key).finish(),
            Self::TouchApiKey { key, .. } => f.debug_tuple("TouchApiKey").field(key).finish(),
            Self::PutResetToken(token) => f.debug_tuple("PutResetToken").field(token).finish(),
        }
    }
}
