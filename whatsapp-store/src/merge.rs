//! The rules of [`ChatChange::Merge`](crate::ChatChange::Merge) that are the same for every backend.

/// The fields that decide which of two conversations stays.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Conversation {
    is_live: bool,
    revision: i64,
    updated_at: i64,
}

impl Conversation {
    pub(crate) const fn new(is_live: bool, revision: i64, updated_at: i64) -> Self {
        Self { is_live, revision, updated_at }
    }

    /// Does the conversation of the chat that ends replace the other's? If so, returns its new revision. That is above both
    /// revisions, so that no node continues from what it read of either.
    pub(crate) fn takes_over(self, other: Option<Self>) -> Option<i64> {
        let wins =
            other.is_none_or(|other| (self.is_live, self.updated_at) > (other.is_live, other.updated_at));
        let highest = self.revision.max(other.map_or(0, |other| other.revision));
        wins.then(|| highest.saturating_add(1))
    }
}

/// A user's settings of a chat.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ChatSettings {
    pub(crate) name: Option<String>,
    pub(crate) archived: bool,
    pub(crate) pinned: bool,
    pub(crate) muted_until: Option<i64>,
}

impl ChatSettings {
    /// The settings of the chat that stays, completed by those of the chat that ends.
    pub(crate) fn completed_by(self, ends: Self) -> Self {
        Self {
            name: self.name.or(ends.name),
            archived: self.archived && ends.archived,
            pinned: self.pinned || ends.pinned,
            muted_until: self.muted_until.or(ends.muted_until),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn live_then_later_then_staying_conversation_wins() {
        let of = |is_live, updated_at| Conversation::new(is_live, 5, updated_at);
        for (ends, stays, takes_over) in [
            (of(true, 1), of(false, 9), true),
            (of(false, 9), of(true, 1), false),
            (of(true, 2), of(true, 1), true),
            (of(true, 1), of(true, 2), false),
            (of(false, 2), of(false, 1), true),
            (of(true, 1), of(true, 1), false),
        ] {
            assert_eq!(ends.takes_over(Some(stays)), takes_over.then_some(6), "{ends:?} over {stays:?}");
        }
        assert_eq!(of(false, 1).takes_over(None), Some(6));
    }
}
