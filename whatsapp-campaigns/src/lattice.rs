//! What may become of a recipient, as one table.
//!
//! ```text
//!            ┌──────────► Suppressed, NoConsent, Invalid, MissingVariable, Expired, Cancelled
//!            │ nothing sent yet
//!         Pending ──► Submitted ──► Acked ──► Delivered ──► Read
//!            ▲            │  ▲                    ▲
//!            │            │  └── the same id ──┐  │ receipts, in any order
//!          Retry ◄────────┼───────────────► InDoubt
//!                         └──► Failed
//! ```
//!
//! Receipts only raise a state, so that one that comes twice, late or out of order does no harm. A receipt proves that the
//! message was sent, whatever is known of that: it raises a recipient that is pending or in doubt too, since a crash may come
//! between sending and writing it down. What stands on the right or at the top is final and never goes back.
//!
//! And of a campaign:
//!
//! ```text
//!   Freezing ◄─► Draft ◄─► Approved
//!                  └────┬────┘
//!                       ▼
//!                   Scheduled ──► Running ──► Draining ──► Finished
//!                       ▲          ▲   │         │
//!                       ▼          ▼   ▼         │
//!                     Paused ◄─────┴───┴─────────┘         Cancelled, from everywhere but Finished
//! ```
use whatsapp_store::{
    CampaignState, Effect, RecipientFlag,
    RecipientState::{
        self, Acked, Cancelled, Delivered, Expired, Failed, InDoubt, Invalid, MissingVariable, NoConsent,
        Pending, Read, Retry, Submitted, Suppressed,
    },
    Stamp,
};

/// Nothing was given to the connection that may still count.
const UNSENT: [RecipientState; 2] = [Pending, Retry];

/// Each state with those that it may replace.
pub const TRANSITIONS: [(RecipientState, &[RecipientState]); 13] = [
    (Submitted, &[Pending, Retry, InDoubt]),
    (Acked, &[Pending, Retry, Submitted, InDoubt]),
    (Delivered, &[Pending, Retry, Submitted, InDoubt, Acked]),
    (Read, &[Pending, Retry, Submitted, InDoubt, Acked, Delivered]),
    (Retry, &[Pending, Retry, Submitted, InDoubt]),
    (InDoubt, &[Pending, Submitted]),
    (Failed, &[Pending, Retry, Submitted, InDoubt]),
    (Suppressed, &UNSENT),
    (NoConsent, &UNSENT),
    (Invalid, &UNSENT),
    (MissingVariable, &UNSENT),
    (Expired, &UNSENT),
    (Cancelled, &UNSENT),
];

/// Each state of a campaign with those that it may follow.
pub const CAMPAIGN: [(CampaignState, &[CampaignState]); 9] = {
    use CampaignState::{
        Approved, Cancelled, Draft, Draining, Finished, Freezing, Paused, Running, Scheduled,
    };
    [
        (Draft, &[Freezing, Approved]),
        (Approved, &[Draft]),
        (Freezing, &[Draft, Approved]),
        (Scheduled, &[Draft, Approved, Paused]),
        (Running, &[Scheduled, Paused]),
        (Paused, &[Scheduled, Running, Draining]),
        (Draining, &[Running]),
        (Finished, &[Running, Draining, Scheduled]),
        (Cancelled, &[Draft, Approved, Freezing, Scheduled, Running, Paused, Draining]),
    ]
};

/// The states of a campaign that may give way to `to`, as bits for [`CampaignMove::from`](whatsapp_store::CampaignMove::from).
pub fn predecessors(to: CampaignState) -> u64 {
    CAMPAIGN.iter().find(|(state, _)| *state == to).map_or(0, |(_, from)| CampaignState::bits(from))
}

/// The states that may give way to `to`, as bits.
pub fn replaced_by(to: RecipientState) -> u64 {
    TRANSITIONS.iter().find(|(state, _)| *state == to).map_or(0, |(_, from)| RecipientState::bits(from))
}

/// Does nothing replace it?
pub fn is_final(state: RecipientState) -> bool {
    TRANSITIONS.iter().all(|(_, from)| !from.contains(&state))
}

/// What happened to a recipient's message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RowEvent {
    /// It was given to the connection.
    Submitted,
    /// The server has it.
    Acked,
    /// It reached a device.
    Delivered,
    /// It was read.
    Read,
    /// It is to be tried again.
    RetryLater {
        /// The server's code; 0 when it was not handed over at all.
        code: u16,
    },
    /// It is given up.
    Failed {
        /// The server's code.
        code: u16,
    },
    /// Nobody knows whether it was sent.
    InDoubt,
    /// It will not be sent: one of the states at the top of the diagram.
    Excluded(RecipientState),
}

/// What to store of it.
pub fn effect(event: RowEvent) -> Effect {
    let (state, code, tries, stamp) = match event {
        RowEvent::Submitted => (Submitted, None, 1, Some(Stamp::Sent)),
        // The time at which the server had it: the receipt may be here before the sender has told.
        RowEvent::Acked => (Acked, None, 0, Some(Stamp::Sent)),
        RowEvent::Delivered => (Delivered, None, 0, Some(Stamp::Delivered)),
        RowEvent::Read => (Read, None, 0, Some(Stamp::Read)),
        // A refusal is a try; 0 is none.
        RowEvent::RetryLater { code } => (Retry, Some(code), u8::from(code > 0), None),
        RowEvent::Failed { code } => (Failed, Some(code), 0, None),
        RowEvent::InDoubt => (InDoubt, None, 0, None),
        RowEvent::Excluded(state) => (state, None, 0, None),
    };
    let from = replaced_by(state);
    Effect { state: Some(state), from, code, sender: None, flags: 0, tries, stamp }
}

/// What to store of something that a recipient did besides, whatever the state.
pub fn flagged(flag: RecipientFlag) -> Effect {
    Effect { from: u64::MAX, flags: flag.bit(), ..Effect::default() }
}

#[cfg(test)]
mod tests {
    use proptest::{prelude::*, sample::select};

    use super::*;

    const ALL: [RecipientState; 14] = [
        Pending,
        Submitted,
        Acked,
        Delivered,
        Read,
        Retry,
        InDoubt,
        Failed,
        Suppressed,
        NoConsent,
        Invalid,
        MissingVariable,
        Expired,
        Cancelled,
    ];

    fn event() -> impl Strategy<Value = RowEvent> {
        let excluded = [Suppressed, NoConsent, Invalid, MissingVariable, Expired, Cancelled];
        prop_oneof![
            Just(RowEvent::Submitted),
            Just(RowEvent::Acked),
            Just(RowEvent::Delivered),
            Just(RowEvent::Read),
            any::<u16>().prop_map(|code| RowEvent::RetryLater { code }),
            any::<u16>().prop_map(|code| RowEvent::Failed { code }),
            Just(RowEvent::InDoubt),
            select(excluded.to_vec()).prop_map(RowEvent::Excluded),
        ]
    }

    fn apply(state: RecipientState, event: RowEvent) -> RecipientState {
        let effect = effect(event);
        effect.state.filter(|_| state.is_in(effect.from)).unwrap_or(state)
    }

    #[test]
    fn what_is_final_is_so() {
        let last: Vec<_> = ALL.into_iter().filter(|state| is_final(*state)).collect();
        assert_eq!(last, [Read, Failed, Suppressed, NoConsent, Invalid, MissingVariable, Expired, Cancelled]);
        assert_eq!(replaced_by(Pending), 0, "nothing becomes pending again");
    }

    proptest! {
        #[test]
        fn a_final_state_stays_and_receipts_only_raise(events in prop::collection::vec(event(), 0..40)) {
            let rank = |state| [Acked, Delivered, Read].iter().position(|raised| *raised == state);
            let mut state = Pending;
            for event in events {
                let next = apply(state, event);
                prop_assert!(!is_final(state) || next == state);
                prop_assert!(rank(state).is_none_or(|rank_before| rank(next).is_some_and(|r| r >= rank_before)),
                    "{state:?} went to {next:?}");
                state = next;
            }
        }

        #[test]
        fn receipts_end_the_same_in_any_order(mut order in Just(vec![RowEvent::Acked, RowEvent::Delivered, RowEvent::Read, RowEvent::Acked]).prop_shuffle()) {
            order.insert(0, RowEvent::Submitted);
            prop_assert_eq!(order.into_iter().fold(Pending, apply), Read);
        }
    }
}
