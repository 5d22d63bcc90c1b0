//! People as an account knows them: by phone number, by linked id, or by both.
use std::fmt;

use bytes::Bytes;

/// One of the two addresses of a person: the user part, without server or device.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PersonAddress {
    /// By phone number: its digits.
    Pn(String),
    /// By linked id.
    Lid(String),
}

/// What an account knows of a person. At least one address is there; a commit with a record that has neither fails with
/// [`ErrorKind::Invalid`](crate::ErrorKind::Invalid).
#[derive(Clone, PartialEq, Eq)]
pub struct PersonRecord {
    /// The phone number: its digits.
    pub pn: Option<String>,
    /// The linked id.
    pub lid: Option<String>,
    /// The protocol client's own data: pinned identity keys, the list of devices. Opaque, and sealed at rest.
    pub state: Bytes,
}

impl PersonRecord {
    /// The addresses that are known, at most two.
    pub fn addresses(&self) -> impl Iterator<Item = PersonAddress> {
        let pn = self.pn.clone().map(PersonAddress::Pn);
        pn.into_iter().chain(self.lid.clone().map(PersonAddress::Lid))
    }
}

impl fmt::Debug for PersonRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PersonRecord")
            .field("pn", &self.pn)
            .field("lid", &self.lid)
            .field("state", &format_args!("{} bytes", self.state.len()))
            .finish()
    }
}
