//! Was a message written before the person could see what the bot said last?
//!
//! Two clocks tell. WhatsApp stamps a message with its own, in whole seconds; the host notes by its clock when the message reached it, and
//! when it gave the bot's message to the account. So a message was written before when
//!
//! 1. the bot's message was not given to the account yet, or
//! 2. the message reached the host before the bot's was given to the account, or
//! 3. its stamp is of an earlier second than that. The host's clock may be ahead of WhatsApp's: the shortest time that a message of
//!    this conversation took to come, up to five seconds, is taken off.
//!
//! Within one second the order of 2 alone decides: who answers at once is heard.
use crate::Message;

/// The largest difference of clocks that is believed, milliseconds: a message that takes longer waited somewhere.
const LARGEST_LAG: i64 = 5_000;
const SECOND: i64 = 1_000;

/// What is remembered of a conversation to tell the order of its messages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Order {
    /// When the last message of the bot was given to the account.
    pub(super) given_at: Option<i64>,
    /// The shortest time between the stamp of a message and its coming.
    pub(super) lag: Option<i64>,
}

impl Order {
    /// Was it written before what was given to the account at that time?
    pub(super) fn is_early(self, message: &Message, now: i64, given_at: i64) -> bool {
        let received = message.received_at.unwrap_or(now);
        let lag = self.lag.unwrap_or_default();
        let stamp = message.at.map(|at| at.saturating_add(lag));
        received < given_at
            || stamp.is_some_and(|stamp| stamp.div_euclid(SECOND) < given_at.div_euclid(SECOND))
    }

    /// Learns from a message how far the clocks are apart.
    pub(super) fn hear(&mut self, message: &Message, now: i64) {
        let Some(at) = message.at else { return };
        let lag = message.received_at.unwrap_or(now).saturating_sub(at);
        if (0..=LARGEST_LAG).contains(&lag) {
            self.lag = Some(self.lag.map_or(lag, |known| known.min(lag)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(at: i64, received: i64) -> Message {
        Message { at: Some(at), received_at: Some(received), ..Message::default() }
    }

    #[test]
    fn stamps_and_order_tell() {
        let order = Order::default();
        assert!(order.is_early(&message(9_000, 10_400), 11_000, 10_300), "an earlier second");
        assert!(!order.is_early(&message(10_000, 10_400), 11_000, 10_300), "the same second, after it");
        assert!(order.is_early(&message(10_000, 10_200), 11_000, 10_300), "the same second, before it");
        assert!(!order.is_early(&message(12_000, 12_100), 13_000, 10_300));
        assert!(!order.is_early(&Message::default(), 10_300, 10_300), "nothing is known of it");
        assert!(order.is_early(&Message::default(), 10_200, 10_300));
    }

    #[test]
    fn a_clock_that_is_ahead_does_not_make_answers_early() {
        let mut order = Order::default();
        // Three seconds ahead.
        order.hear(&message(10_000, 13_100), 13_100);
        assert_eq!(order.lag, Some(3_100));
        assert!(!order.is_early(&message(11_000, 14_400), 14_400, 14_000));
        order.hear(&message(100, 60_000), 60_000);
        order.hear(&message(10_000, 9_000), 9_000);
        assert_eq!(order.lag, Some(3_100), "one that waited and one from the future say nothing");
    }
}
