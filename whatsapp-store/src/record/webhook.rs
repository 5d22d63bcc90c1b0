//! Webhook endpoints, and the deliveries of events to them.
use std::fmt;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::WorkspaceId;

/// The destination of a workspace's events. `Debug` shows neither the secret nor the address, which may hold one.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EndpointRecord {
    /// Its id in its workspace.
    pub id: String,
    /// The address that deliveries are posted to.
    pub url: String,
    /// The key that signs deliveries. Sealed at rest, and never part of JSON.
    #[serde(skip)]
    pub secret: Bytes,
    /// Patterns of routing keys, such as `message.*` or `#`. Kept as they are, and not interpreted here.
    pub topics: Vec<String>,
    /// Is anything sent there? Deliveries to an endpoint that is not enabled wait.
    pub enabled: bool,
    /// Milliseconds since the Unix epoch.
    pub created_at: i64,
    /// When it was last written, milliseconds since the Unix epoch. Rises with every [`WebhookChange::PutEndpoint`], by one at
    /// least, and so names what was read: see [`WebhookChange::Expect`].
    pub updated_at: i64,
    /// Since when attempts fail, milliseconds since the Unix epoch; `None` when they succeed. Written only by
    /// [`WebhookChange::SetFailing`], so that the user's settings and observations do not overwrite each other.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failing_since: Option<i64>,
    /// A note for people.
    pub description: String,
}

/// The state of a delivery. The numbers are stored: never change one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
#[non_exhaustive]
pub enum DeliveryState {
    /// Waits for its first or next attempt, or is under way.
    Pending = 1,
    /// The endpoint took it.
    Delivered = 2,
    /// Given up.
    Dead = 3,
}

impl DeliveryState {
    /// Are there no further attempts?
    pub const fn is_done(self) -> bool {
        !matches!(self, Self::Pending)
    }

    /// The stored number.
    pub const fn code(self) -> u8 {
        self as u8
    }

    /// The state of a stored number.
    pub const fn from_code(code: u8) -> Option<Self> {
        Some(match code {
            1 => Self::Pending,
            2 => Self::Delivered,
            3 => Self::Dead,
            _ => return None,
        })
    }
}

/// One event on its way to one endpoint.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DeliveryRecord {
    /// Its id in its workspace. Made of the endpoint and the event's position, an event that is handed out twice makes
    /// one delivery.
    pub id: String,
    /// The endpoint's id.
    pub endpoint: String,
    /// The event's position in the outbox.
    pub position: String,
    /// The event's routing key.
    pub key: String,
    /// The posted body, as JSON.
    pub body: String,
    /// Its state.
    pub state: DeliveryState,
    /// Finished attempts since it was made or reset.
    pub attempts: u32,
    /// When it is due, milliseconds since the Unix epoch. While it is under way: when the claim ends.
    pub next_at: i64,
    /// The HTTP status of the last attempt, if there was an answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_status: Option<i64>,
    /// The error of the last attempt, in words for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_error: Option<String>,
    /// Milliseconds since the Unix epoch.
    pub created_at: i64,
    /// When it was delivered or given up, milliseconds since the Unix epoch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub done_at: Option<i64>,
}

/// A delivery that was given to one worker to attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimedDelivery {
    /// The workspace.
    pub workspace: WorkspaceId,
    /// The delivery. Its [`next_at`](DeliveryRecord::next_at) is when the claim ends.
    pub delivery: DeliveryRecord,
    /// Names the claim: [`WebhookChange::Attempted`] carries it.
    pub token: i64,
}

/// How an attempt ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AttemptOutcome {
    /// The endpoint took it.
    Delivered,
    /// Try again at that time, milliseconds since the Unix epoch.
    RetryAt(i64),
    /// Give up.
    Dead,
}

impl AttemptOutcome {
    /// The state it leaves.
    pub const fn state(self) -> DeliveryState {
        match self {
            Self::Delivered => DeliveryState::Delivered,
            Self::RetryAt(_) => DeliveryState::Pending,
            Self::Dead => DeliveryState::Dead,
        }
    }
}

/// Writes to webhook endpoints and deliveries.
#[derive(Clone, PartialEq)]
#[non_exhaustive]
pub enum WebhookChange {
    /// Makes the commit fail with [`ErrorKind::Conflict`](crate::ErrorKind::Conflict) unless the endpoint is still the one that was
    /// read, as the changes before it in the commit leave things.
    Expect {
        /// Which endpoint.
        endpoint: String,
        /// The [`EndpointRecord::updated_at`] that was read; `None` if there was no endpoint.
        updated_at: Option<i64>,
    },
    /// Writes an endpoint, except [`EndpointRecord::failing_since`].
    PutEndpoint(EndpointRecord),
    /// Removes an endpoint with its deliveries; an absent one is accepted.
    DeleteEndpoint {
        /// Which.
        id: String,
    },
    /// Notes that attempts fail, or that they succeed again. A failing endpoint keeps its time; an absent one is accepted.
    SetFailing {
        /// Which endpoint.
        endpoint: String,
        /// Since when, milliseconds since the Unix epoch; `None` when they succeed.
        since: Option<i64>,
    },
    /// Inserts a delivery. Has no effect if one has the same id, or the endpoint is absent. A record that has
    /// [`DeliveryRecord::done_at`] while it is pending, or has none when it is done, makes the commit fail with
    /// [`ErrorKind::Invalid`](crate::ErrorKind::Invalid).
    PutDelivery(DeliveryRecord),
    /// Notes a finished attempt. Has no effect unless the claim with that token is the delivery's latest and unfinished. An
    /// expired claim still counts while no other worker has claimed the delivery.
    Attempted {
        /// Which delivery.
        id: String,
        /// [`ClaimedDelivery::token`].
        token: i64,
        /// When, milliseconds since the Unix epoch.
        at: i64,
        /// The HTTP status, if there was an answer.
        status: Option<i64>,
        /// The error, in words for people.
        error: Option<String>,
        /// The outcome.
        outcome: AttemptOutcome,
    },
    /// Makes a delivery pending again from any state, and counts attempts from 0. The outcome of an attempt under way no longer
    /// counts. An absent delivery is accepted.
    Redeliver {
        /// Which delivery.
        id: String,
        /// When it is due, milliseconds since the Unix epoch.
        at: i64,
    },
    /// Removes deliveries of the workspace that were done before that time. A delivery that is removed too early is made again
    /// when its event is handed out again.
    Trim {
        /// Milliseconds since the Unix epoch.
        before: i64,
    },
}

impl fmt::Debug for EndpointRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EndpointRecord")
            .field("id", &self.id)
            .field("topics", &self.topics)
            .field("enabled", &self.enabled)
            .field("failing_since", &self.failing_since)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for DeliveryRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeliveryRecord")
            .field("id", &self.id)
            .field("endpoint", &self.endpoint)
            .field("key", &self.key)
            .field("state", &self.state)
            .field("attempts", &self.attempts)
            .field("last_status", &self.last_status)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for WebhookChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PutEndpoint(endpoint) => f.debug_tuple("PutEndpoint").field(endpoint).finish(),
            Self::DeleteEndpoint { id } => f.debug_tuple("DeleteEndpoint").field(id).finish(),
            Self::Expect { endpoint, updated_at } => {
                f.debug_tuple("Expect").field(endpoint).field(updated_at).finish()
            }
            Self::SetFailing { endpoint, since } => {
                f.debug_tuple("SetFailing").field(endpoint).field(since).finish()
            }
            Self::PutDelivery(delivery) => f.debug_tuple("PutDelivery").field(delivery).finish(),
            Self::Attempted { id, status, outcome, .. } => {
                f.debug_tuple("Attempted").field(id).field(status).field(outcome).finish()
            }
            Self::Redeliver { id, at } => f.debug_tuple("Redeliver").field(id).field(at).finish(),
            Self::Trim { before } => f.debug_tuple("Trim").field(before).finish(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_and_json_show_no_secret() {
        let endpoint = EndpointRecord {
            id: "e".into(),
            url: "https://user:hidden@example.org/".into(),
            secret: Bytes::from_static(b"hidden"),
            topics: vec!["#".into()],
            enabled: true,
            created_at: 1,
            updated_at: 2,
            failing_since: None,
            description: "hidden".into(),
        };
        let delivery = DeliveryRecord {
            id: "d".into(),
            endpoint: "e".into(),
            position: "1".into(),
            key: "message.received".into(),
            body: r#"{"text":"hidden"}"#.into(),
            state: DeliveryState::Pending,
            attempts: 1,
            next_at: 5,
            last_status: Some(500),
            last_error: Some("hidden".into()),
            created_at: 1,
            done_at: None,
        };
        let attempted = WebhookChange::Attempted {
            id: "d".into(),
            token: 1,
            at: 2,
            status: Some(500),
            error: Some("hidden".into()),
            outcome: AttemptOutcome::Dead,
        };
        let json = serde_json::to_value(&endpoint).unwrap();
        assert_eq!(json.get("secret"), None);
        assert_eq!((&json["createdAt"], json.get("failingSince")), (&1.into(), None));
        assert_eq!(serde_json::to_value(&delivery).unwrap()["lastStatus"], 500);
        let changes = [
            WebhookChange::PutEndpoint(endpoint),
            WebhookChange::PutDelivery(delivery.clone()),
            attempted,
            WebhookChange::Redeliver { id: "d".into(), at: 3 },
        ];
        let claimed = ClaimedDelivery { workspace: WorkspaceId::default(), delivery, token: 7 };
        let shown = format!("{changes:?} {claimed:?}");
        assert!(!shown.contains("hidden"), "{shown}");
        assert!(shown.contains("message.received") && shown.contains("500"), "{shown}");
    }
}
