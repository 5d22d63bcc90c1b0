//! What the runner asks of its surroundings.
use std::time::{SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use whatsapp_store::Content;

use crate::{outcome::Code, pacing::Micros, scheduler::Limits, window::Millis};

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
    /// The service has it.
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
    /// the same content; whoever receives it must see it once.
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

/// Tells the time. The runner sleeps by tokio's clock, so a test may pause that one and read this one from it.
pub trait Clock: Send + Sync + 'static {
    /// Milliseconds since the Unix epoch.
    fn now(&self) -> Millis;

    /// The same in microseconds, as far as they are known.
    fn micros(&self) -> Micros {
        u64::try_from(self.now()).unwrap_or_default().saturating_mul(1_000)
    }
}

/// The time of this machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Millis {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Millis::try_from(since.as_millis()).unwrap_or(Millis::MAX)
    }

    fn micros(&self) -> Micros {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Micros::try_from(since.as_micros()).unwrap_or(Micros::MAX)
    }
}
