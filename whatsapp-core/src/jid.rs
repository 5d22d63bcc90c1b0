//! Addresses of stanzas: people, groups, servers.
use std::{fmt, str::FromStr};

use compact_str::CompactString;

/// The part of an address behind the `@`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Server {
    /// `s.whatsapp.net`: people by phone number, and the server itself (empty user).
    User,
    /// `lid`: people by linked id.
    Lid,
    /// `g.us`: groups.
    Group,
    /// `broadcast`: broadcast lists and `status@broadcast`.
    Broadcast,
    /// `newsletter`: channels.
    Newsletter,
    /// `hosted`: devices of hosted business accounts, by number.
    Hosted,
    /// `hosted.lid`: devices of hosted business accounts, by linked id.
    HostedLid,
    /// `bot`.
    Bot,
    /// `msgr`.
    Messenger,
    /// `interop`.
    Interop,
    /// `c.us`: the legacy spelling of [`Server::User`].
    Legacy,
}

impl Server {
    const ALL: [(Server, &'static str); 11] = [
        (Server::User, "s.whatsapp.net"),
        (Server::Lid, "lid"),
        (Server::Group, "g.us"),
        (Server::Broadcast, "broadcast"),
        (Server::Newsletter, "newsletter"),
        (Server::Hosted, "hosted"),
        (Server::HostedLid, "hosted.lid"),
        (Server::Bot, "bot"),
        (Server::Messenger, "msgr"),
        (Server::Interop, "interop"),
        (Server::Legacy, "c.us"),
    ];

    /// The wire spelling.
    pub const fn as_str(self) -> &'static str {
        match self {
            Server::User => "s.whatsapp.net",
            Server::Lid => "lid",
            Server::Group => "g.us",
            Server::Broadcast => "broadcast",
            Server::Newsletter => "newsletter",
            Server::Hosted => "hosted",
            Server::HostedLid => "hosted.lid",
            Server::Bot => "bot",
            Server::Messenger => "msgr",
            Server::Interop => "interop",
            Server::Legacy => "c.us",
        }
    }

    /// The server of that spelling.
    pub fn from_wire(text: &str) -> Option<Self> {
        Self::ALL.iter().find(|(_, name)| *name == text).map(|(server, _)| *server)
    }

    /// The domain byte of an `AD_JID` (protocol notes 2.1): 0 number, 1 LID, 128 hosted, 129 hosted LID.
    pub const fn domain(self) -> Option<u8> {
        match self {
            Server::User => Some(0),
            Server::Lid => Some(1),
            Server::Hosted => Some(128),
            Server::HostedLid => Some(129),
            _ => None,
        }
    }

    /// The server that a domain byte stands for.
    pub const fn from_domain(domain: u8) -> Option<Self> {
        match domain {
            0 => Some(Server::User),
            1 => Some(Server::Lid),
            128 => Some(Server::Hosted),
            129 => Some(Server::HostedLid),
            _ => None,
        }
    }
}

/// `user[:device]@server`; the server itself has an empty user.
///
/// Device 0 is the primary (the phone) and also how a person as a whole is written.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Jid {
    /// Digits for people; may be empty.
    pub user: CompactString,
    /// 0 for the primary device.
    pub device: u16,
    /// Interop addresses carry an integrator; 0 elsewhere.
    pub integrator: u16,
    /// The namespace.
    pub server: Server,
}

impl Jid {
    /// The server itself: `s.whatsapp.net`.
    pub const SERVICE: Jid =
        Jid { user: CompactString::const_new(""), device: 0, integrator: 0, server: Server::User };

    /// An address without device.
    pub fn new(user: impl Into<CompactString>, server: Server) -> Self {
        Self { user: user.into(), device: 0, integrator: 0, server }
    }

    /// A person by phone number (digits, no `+`).
    pub fn pn(user: impl Into<CompactString>) -> Self {
        Self::new(user, Server::User)
    }

    /// A person by linked id.
    pub fn lid(user: impl Into<CompactString>) -> Self {
        Self::new(user, Server::Lid)
    }

    /// The same person's device `device`.
    pub fn with_device(&self, device: u16) -> Self {
        Self { device, ..self.clone() }
    }

    /// The same person without device.
    pub fn to_non_device(&self) -> Self {
        self.with_device(0)
    }

    /// Addressed by phone number (hosted devices included)?
    pub const fn is_pn(&self) -> bool {
        matches!(self.server, Server::User | Server::Hosted | Server::Legacy)
    }

    /// Addressed by linked id (hosted devices included)?
    pub const fn is_lid(&self) -> bool {
        matches!(self.server, Server::Lid | Server::HostedLid)
    }

    /// A person's linked id, in its one form: digits.
    pub(crate) fn is_person_lid(&self) -> bool {
        let is_digits = !self.user.is_empty() && self.user.bytes().all(|byte| byte.is_ascii_digit());
        self.server == Server::Lid && is_digits
    }

    /// A group?
    pub const fn is_group(&self) -> bool {
        matches!(self.server, Server::Group)
    }

    /// The server itself (`s.whatsapp.net` with no user)?
    pub fn is_service(&self) -> bool {
        self.user.is_empty() && self.server == Server::User
    }

    /// Same person (device aside)?
    pub fn same_user(&self, other: &Jid) -> bool {
        self.user == other.user && self.server == other.server
    }
}

impl fmt::Display for Jid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.user.is_empty() {
            return f.write_str(self.server.as_str());
        }
        f.write_str(&self.user)?;
        if self.device != 0 {
            write!(f, ":{}", self.device)?;
        }
        write!(f, "@{}", self.server.as_str())
    }
}

impl fmt::Debug for Jid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// The text is not an address: it should look like `919876543210@s.whatsapp.net`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a WhatsApp address: expected user@server, such as 919876543210@s.whatsapp.net")]
pub struct JidError;

impl FromStr for Jid {
    type Err = JidError;

    /// Accepts `user@server`, `user:device@server`, `user.agent:device@server` and a bare server.
    fn from_str(text: &str) -> Result<Self, JidError> {
        let Some((left, server)) = text.split_once('@') else {
            let server = Server::from_wire(text).ok_or(JidError)?;
            return Ok(Self::new("", server));
        };
        let server = Server::from_wire(server).ok_or(JidError)?;
        let (user, device) = match left.split_once(':') {
            Some((user, device)) => (user, device.parse().map_err(|_| JidError)?),
            None => (left, 0),
        };
        let user = match user.split_once('.') {
            Some((user, agent)) if agent.bytes().all(|b| b.is_ascii_digit()) => user,
            _ => user,
        };
        if user.bytes().any(|b| b.is_ascii_whitespace() || b.is_ascii_control()) {
            return Err(JidError);
        }
        Ok(Self { user: user.into(), device, integrator: 0, server })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_forms() {
        for text in ["1234@s.whatsapp.net", "1234:7@lid", "s.whatsapp.net", "1-2@g.us", "status@broadcast"] {
            assert_eq!(text.parse::<Jid>().unwrap().to_string(), text);
        }
        assert_eq!("12.0:3@s.whatsapp.net".parse::<Jid>().unwrap(), Jid::pn("12").with_device(3));
        for bad in ["", "1234", "1@example.org", "1:x@lid", "1:70000@lid", "a b@lid"] {
            assert!(bad.parse::<Jid>().is_err(), "{bad}");
        }
    }
}
