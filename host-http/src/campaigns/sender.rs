//! A session's client as the sender of campaigns.
use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use tokio::{sync::oneshot, time::timeout};
use whatsapp_campaigns::{
    outcome::Code,
    runner::{Message, Sender, Submission},
    scheduler::Limits,
};
use whatsapp_core::{
    Error,
    client::{Client, Status},
    engine::CommandError,
    event::{Event, Refusal},
    jid::Jid,
};
use whatsapp_store::{AccountId, MessageStatus, Store};

use super::Pace;

/// A message that has no answer after this time is looked at again later.
const PATIENCE: Duration = Duration::from_secs(20);

/// Who waits for the service's answer to which message.
#[derive(Clone, Default)]
pub(crate) struct Answers(Arc<Mutex<HashMap<String, oneshot::Sender<Submission>>>>);

impl fmt::Debug for Answers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Answers")
    }
}

impl Answers {
    /// Takes in what a client tells.
    pub(crate) fn hear(&self, event: &Event) {
        let (id, answer) = match event {
            Event::Status {
                key,
                status: MessageStatus::Sent | MessageStatus::Delivered | MessageStatus::Read,
            } => (&key.id, Submission::Acked),
            Event::Refused { key, reason } => {
                (&key.id, Submission::Refused { code: code(*reason), until: None })
            }
            _ => return,
        };
        if let Some(waiting) = self.lock().remove(id) {
            // Whoever waited may have gone.
            let _ = waiting.send(answer);
        }
    }

    fn expect(&self, id: &str) -> oneshot::Receiver<Submission> {
        let (tell, told) = oneshot::channel();
        self.lock().insert(id.to_owned(), tell);
        told
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<String, oneshot::Sender<Submission>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The code of a refusal, as campaigns know it.
pub(crate) fn code(refusal: Refusal) -> Code {
    match refusal {
        Refusal::NoDevices => Code::NoAccount,
        Refusal::Restricted => Code::Web(463),
        Refusal::Capped => Code::Web(475),
        Refusal::Code(code) => Code::Web(u32::from(code)),
        _ => Code::Unsent,
    }
}

/// Sends through one session.
pub(crate) struct SessionSender {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) account: AccountId,
    pub(crate) client: Client,
    pub(crate) answers: Answers,
    pub(crate) pace: Pace,
    /// When the session was made, milliseconds since the Unix epoch.
    pub(crate) since: i64,
}

#[async_trait]
impl Sender for SessionSender {
    async fn submit(&self, message: Message) -> Submission {
        let to = Jid::pn(&message.to);
        if !message.may_begin {
            match self.store.chat(&self.account, &to.to_string()).await {
                Ok(Some(_)) => {}
                Ok(None) => return Submission::NoConversation,
                Err(_) => return Submission::Unknown,
            }
        }
        let told = self.answers.expect(&message.id);
        let status = match self.client.send_as(&message.id, &to, message.content).await {
            Ok(record) => record.status,
            Err(error) => {
                self.answers.lock().remove(&message.id);
                return failed(&error);
            }
        };
        let answer = match status {
            MessageStatus::Queued => timeout(PATIENCE, told).await.ok().and_then(Result::ok),
            // Given up before: it is tried a few times more, and then given up here, too.
            MessageStatus::Failed => Some(Submission::Refused { code: Code::Unsent, until: None }),
            _ => Some(Submission::Acked),
        };
        self.answers.lock().remove(&message.id);
        answer.unwrap_or(Submission::Unknown)
    }

    fn limits(&self) -> Limits {
        self.pace.limits_since(self.since)
    }

    fn is_ready(&self) -> bool {
        matches!(self.client.status(), Status::Connected { .. })
    }
}

/// What a message is that the client did not take.
fn failed(error: &Error) -> Submission {
    match error {
        Error::Command(
            CommandError::NotAPerson | CommandError::ContentUnsupported(_) | CommandError::BadNumber,
        ) => Submission::Refused { code: Code::NoAccount, until: None },
        Error::Command(_) => Submission::Refused { code: Code::Unsent, until: None },
        // It may be stored or not.
        _ => Submission::Unknown,
    }
}
