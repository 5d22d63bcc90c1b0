//! The owner of a record: a workspace, or one linked account in it.
use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// A tenant: 1 to 64 of `A-Z a-z 0-9 - _`. Every record belongs to one, and no query looks into two.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct WorkspaceId(String);

/// The local name of one linked account ("session" in the HTTP API) in its workspace. As text, `shop` in the default
/// workspace and `acme/shop` in another; each part is 1 to 64 of `A-Z a-z 0-9 - _`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct AccountId {
    workspace: WorkspaceId,
    name: String,
}

/// The text is no id of a workspace or an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an id is 1 to 64 characters of A-Z, a-z, 0-9, - and _")]
pub struct IdError;

fn plain(text: &str) -> Result<&str, IdError> {
    let fits = (1..=64).contains(&text.len());
    let plain = text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
    if fits && plain { Ok(text) } else { Err(IdError) }
}

impl WorkspaceId {
    const DEFAULT: &str = "default";

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The workspace of a host that has only one.
impl Default for WorkspaceId {
    fn default() -> Self {
        Self(Self::DEFAULT.to_owned())
    }
}

impl FromStr for WorkspaceId {
    type Err = IdError;
    fn from_str(text: &str) -> Result<Self, IdError> {
        plain(text).map(|text| Self(text.to_owned()))
    }
}

impl TryFrom<String> for WorkspaceId {
    type Error = IdError;
    fn try_from(text: String) -> Result<Self, IdError> {
        plain(&text)?;
        Ok(Self(text))
    }
}

impl From<WorkspaceId> for String {
    fn from(id: WorkspaceId) -> String {
        id.0
    }
}

impl fmt::Display for WorkspaceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl AccountId {
    /// An account of a workspace.
    ///
    /// # Errors
    /// When the name is not 1 to 64 of `A-Z a-z 0-9 - _`.
    pub fn new(workspace: WorkspaceId, name: &str) -> Result<Self, IdError> {
        Ok(Self { workspace, name: plain(name)?.to_owned() })
    }

    /// Its workspace.
    pub const fn workspace(&self) -> &WorkspaceId {
        &self.workspace
    }

    /// Its name in its workspace.
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl FromStr for AccountId {
    type Err = IdError;
    fn from_str(text: &str) -> Result<Self, IdError> {
        match text.split_once('/') {
            None => Self::new(WorkspaceId::default(), text),
            Some((workspace, name)) => Self::new(workspace.parse()?, name),
        }
    }
}

impl TryFrom<String> for AccountId {
    type Error = IdError;
    fn try_from(text: String) -> Result<Self, IdError> {
        text.parse()
    }
}

impl From<AccountId> for String {
    fn from(id: AccountId) -> String {
        id.to_string()
    }
}

impl fmt::Display for AccountId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.workspace.0 != WorkspaceId::DEFAULT {
            write!(f, "{}/", self.workspace)?;
        }
        f.write_str(&self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_names_the_workspace_unless_it_is_the_default() {
        for text in ["shop", "acme/shop", "A-1/b_2"] {
            assert_eq!(text.parse::<AccountId>().unwrap().to_string(), text);
        }
        assert_eq!("default/shop".parse::<AccountId>().unwrap().to_string(), "shop");
        let long = "x".repeat(65);
        for text in ["", "/", "a/", "/a", "a/b/c", "a b", "ä", &long] {
            assert_eq!(text.parse::<AccountId>(), Err(IdError), "{text}");
        }
    }
}
