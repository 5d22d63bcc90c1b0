use async_trait::async_trait;
use whatsapp_store::Content;

use crate::outcome::Code;

/// A message to be sent. `Debug` shows its id alone.
#[derive(Clone, PartialEq)]
pub struct Message {
    /// Its id, the same whenever this row is sent.
    pub id: String,
    /// The address, as in the audience.
    pub to: String,
    /// What it says, the same whenever this row is sent.
    pub content: Content,
}

impl std::fmt::Debug for Message {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Message").field("id", &self.id).finish_non_exhaustive()
    }
}

/// What became of a message that was handed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Submission {
    /// It will be sent, or has been.
    Accepted,
    /// It was refused.
    Refused {
        /// The code.
        code: Code,
        /// Until when the sender may not send, if that was said, milliseconds since the Unix epoch.
        until: Option<i64>,
    },
    /// Nobody knows. It is handed over again later, under the same id.
    Unknown,
}

/// One who sends: the protocol client of an account, or a test's own.
#[async_trait]
pub trait Sender: Send + Sync {
    /// Hands a message over. After a crash the same message comes again, with the same id and the same content; whoever
    /// receives it must see it once.
    async fn submit(&self, message: Message) -> Submission;
}

/// Tells the time.
#[async_trait]
pub trait Clock: Send + Sync {
    /// Milliseconds since the Unix epoch.
    fn now(&self) -> i64;

    /// Returns at that time or later.
    async fn sleep_until(&self, at: i64);
}
