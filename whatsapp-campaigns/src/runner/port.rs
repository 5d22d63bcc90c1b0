//! What the runner asks of its surroundings.
use async_trait::async_trait;
use whatsapp_store::Content;

use crate::{outcome::Code, scheduler::Limits, window::Millis};

/// A message to be sent. `Debug` shows its id alone.
#[derive(Clone, PartialEq)]
pub struct Message {
    /// Its id, the same whenever this row is sent.
    pub id: String,
    /// The address, as in the audience.
    pub to: String,
    /// What it says, the same whenever this row is sent.
    pub content: Content,
    /// May it begin a conversation? If not, it is only for somebody with whom there is one.
    pub may_begin: bool,
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
    /// The server has it.
    Acked,
    /// It was refused.
    Refused {
        /// The code.
        code: Code,
        /// Until when the sender may not send, if that was said, milliseconds since the Unix epoch.
        until: Option<Millis>,
    },
    /// It would begin a conversation, and may not.
    NoConversation,
    /// Nobody knows. It is handed over again later, under the same id.
    Unknown,
}

/// One who sends: the protocol client of an account, or a test's own.
#[async_trait]
pub trait Sender: Send + Sync + 'static {
    /// Hands a message over. Several may be under way at once. After a crash the same message comes again, with the same id and
    /// the same content; the recipient must see it once.
    async fn submit(&self, message: Message) -> Submission;

    /// How fast it may send, asked again and again. A linked device, unless said otherwise.
    fn limits(&self) -> Limits {
        Limits::default()
    }

    /// Is it connected? Nothing is handed over while it is not.
    fn is_ready(&self) -> bool {
        true
    }
}
