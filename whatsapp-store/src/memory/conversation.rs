use std::collections::BTreeMap;

use async_trait::async_trait;

use super::MemoryStore;
use crate::{
    AccountId, ConversationPage, ConversationRecord, ConversationStatus, ConversationStore, Error, ErrorKind,
    FlowChange, Result, WorkspaceId, cursor, merge, page_limit,
};

/// An account's name, and a chat.
type ChatKey = (String, String);

/// The conversations of a workspace, and their inputs.
#[derive(Clone, Default)]
pub(super) struct Conversations {
    list: BTreeMap<ChatKey, Conversation>,
    /// When each input was noted.
    inputs: BTreeMap<(ChatKey, String), i64>,
}

#[derive(Clone)]
struct Conversation {
    record: ConversationRecord,
    /// When the conversation can be claimed next: its `wake_at`, until it is claimed.
    due_at: Option<i64>,
}

fn place(account: &AccountId, chat: &str) -> ChatKey {
    (account.name().to_owned(), chat.to_owned())
}

fn conflict(why: &'static str) -> Error {
    Error::new(ErrorKind::Conflict, "writing a conversation").because(why)
}

impl Conversations {
    /// Copies what a change names.
    pub(super) fn excerpt(&self, change: &FlowChange, into: &mut Self) {
        match change {
            FlowChange::PutConversation { record, .. } => {
                let place = place(&record.account, &record.chat);
                into.list.extend(self.list.get(&place).cloned().map(|found| (place, found)));
            }
            FlowChange::SeenInput { account, chat, message_id, .. } => {
                let key = (place(account, chat), message_id.clone());
                into.inputs.extend(self.inputs.get(&key).map(|at| (key, *at)));
            }
            _ => {}
        }
    }

    pub(super) fn apply(&mut self, change: FlowChange) -> Result<()> {
        match change {
            FlowChange::PutConversation { record, expected } => self.put(record, expected)?,
            FlowChange::EndConversation { account, chat, at } => {
                if let Some(conversation) = self.list.get_mut(&place(&account, &chat)) {
                    conversation.end(at);
                }
            }
            FlowChange::ForgetConversation { account, chat } => {
                let place = place(&account, &chat);
                self.list.remove(&place);
                self.inputs.retain(|(of, _), _| *of != place);
            }
            FlowChange::SeenInput { account, chat, message_id, at } => {
                let key = (place(&account, &chat), message_id);
                if self.inputs.contains_key(&key) {
                    return Err(conflict("the input was seen before"));
                }
                self.inputs.insert(key, at);
            }
            FlowChange::ForgetInputs { before, limit } => {
                for key in oldest(self.inputs.iter().map(|(key, at)| (*at, key)), before, limit) {
                    self.inputs.remove(&key);
                }
            }
            FlowChange::ForgetEnded { before, limit } => {
                let all = self.list.iter().map(|(place, conversation)| (&conversation.record, place));
                let ended = all.filter(|(record, _)| !record.status.is_live());
                for place in oldest(ended.map(|(record, place)| (record.updated_at, place)), before, limit) {
                    self.list.remove(&place);
                }
            }
            // Changes of flows.
            FlowChange::Expect { .. }
            | FlowChange::PutDraft { .. }
            | FlowChange::Publish { .. }
            | FlowChange::SetEnabled { .. }
            | FlowChange::Delete { .. }
            | FlowChange::CountNode { .. } => {}
        }
        Ok(())
    }

    fn put(&mut self, record: ConversationRecord, expected: Option<i64>) -> Result<()> {
        let place = place(&record.account, &record.chat);
        if self.list.get(&place).map(|stored| stored.record.revision) != expected {
            return Err(conflict("the conversation was written by somebody else"));
        }
        let due_at = record.wake_at.filter(|_| record.status.is_live());
        self.list.insert(place, Conversation { record, due_at });
        Ok(())
    }

    /// Ends the conversations of a flow.
    pub(super) fn end_all(&mut self, flow: &str, at: i64) {
        let all = self.list.values_mut().filter(|conversation| conversation.record.flow == flow);
        all.for_each(|conversation| conversation.end(at));
    }

    pub(super) fn delete_account(&mut self, account: &AccountId) {
        self.list.retain(|(name, _), _| name != account.name());
        self.inputs.retain(|((name, _), _), _| name != account.name());
    }

    /// The conversation of one chat becomes that of another; see [`ChatChange::Merge`](crate::ChatChange::Merge).
    pub(super) fn merge(&mut self, account: &AccountId, from: &str, into: &str) {
        let (ends, stays) = (place(account, from), place(account, into));
        if let Some(mut conversation) = self.list.remove(&ends)
            && let Some(revision) =
                conversation.rank().takes_over(self.list.get(&stays).map(Conversation::rank))
        {
            into.clone_into(&mut conversation.record.chat);
            conversation.record.revision = revision;
            self.list.insert(stays.clone(), conversation);
        }
        let inputs: Vec<_> = self.inputs.extract_if(.., |(of, _), _| *of == ends).collect();
        for ((_, message_id), at) in inputs {
            self.inputs.entry((stays.clone(), message_id)).or_insert(at);
        }
    }

    fn page(
        &self,
        status: ConversationStatus,
        before: Option<(i64, &str, &str)>,
        limit: usize,
    ) -> ConversationPage {
        fn order(record: &ConversationRecord) -> (i64, &str, &str) {
            (record.updated_at, record.account.name(), &record.chat)
        }
        let all = self.list.values().map(|conversation| &conversation.record);
        let mut found: Vec<_> = all
            .filter(|record| record.status == status && before.is_none_or(|before| order(record) < before))
            .collect();
        found.sort_by(|a, b| order(b).cmp(&order(a)));
        let more = found.len() > limit;
        found.truncate(limit);
        let next = found.last().filter(|_| more).map(|last| {
            let (at, account, chat) = order(last);
            format!("{at}.{account}.{chat}")
        });
        ConversationPage { conversations: found.into_iter().cloned().collect(), next }
    }

    fn claim(&mut self, now: i64, until: i64, limit: usize) -> Vec<ConversationRecord> {
        let mut due: Vec<_> = self
            .list
            .values_mut()
            .filter(|conversation| conversation.due_at.is_some_and(|due| due <= now))
            .collect();
        due.sort_by_key(|conversation| conversation.due_at);
        due.truncate(limit);
        let take = |conversation: &mut Conversation| {
            conversation.due_at = Some(until);
            conversation.record.clone()
        };
        let mut taken: Vec<_> = due.into_iter().map(take).collect();
        taken.sort_by(|a, b| (a.wake_at, &a.account, &a.chat).cmp(&(b.wake_at, &b.account, &b.chat)));
        taken
    }
}

impl Conversation {
    fn rank(&self) -> merge::Conversation {
        let ConversationRecord { status, revision, updated_at, .. } = &self.record;
        merge::Conversation::new(status.is_live(), *revision, *updated_at)
    }

    fn end(&mut self, at: i64) {
        if self.record.status.is_live() {
            self.record.status = ConversationStatus::Ended;
            (self.record.wake_at, self.due_at) = (None, None);
            self.record.revision += 1;
            self.record.updated_at = at;
        }
    }
}

/// The keys of the oldest before that time.
fn oldest<'a, K: Ord + Clone + 'a>(
    all: impl Iterator<Item = (i64, &'a K)>,
    before: i64,
    limit: u32,
) -> Vec<K> {
    let mut old: Vec<_> = all.filter(|(at, _)| *at < before).collect();
    old.sort();
    old.into_iter().take(limit as usize).map(|(_, key)| key.clone()).collect()
}

#[async_trait]
impl ConversationStore for MemoryStore {
    async fn conversation(&self, account: &AccountId, chat: &str) -> Result<Option<ConversationRecord>> {
        let place = place(account, chat);
        Ok(self.read_flows(account.workspace(), |flows| {
            flows.conversations.list.get(&place).map(|conversation| conversation.record.clone())
        }))
    }

    async fn conversations(
        &self,
        workspace: &WorkspaceId,
        status: ConversationStatus,
        before: Option<&str>,
        limit: u32,
    ) -> Result<ConversationPage> {
        let place = |text| {
            let (at, rest) = cursor::place(text)?;
            let (account, chat) = rest.split_once('.').ok_or_else(Error::bad_cursor)?;
            Ok((at, account, chat))
        };
        let place = before.map(place).transpose()?;
        let limit = page_limit(limit) as usize;
        Ok(self.read_flows(workspace, |flows| flows.conversations.page(status, place, limit)))
    }

    async fn claim_due_conversations(
        &self,
        workspace: &WorkspaceId,
        now: i64,
        until: i64,
        limit: u32,
    ) -> Result<Vec<ConversationRecord>> {
        let mut state = self.state.write();
        let flows = state.flows.of_mut(workspace);
        Ok(flows
            .map(|flows| flows.conversations.claim(now, until, page_limit(limit) as usize))
            .unwrap_or_default())
    }

    async fn due_workspaces(&self, now: i64, limit: u32) -> Result<Vec<WorkspaceId>> {
        let state = self.state.read();
        let all = state.flows.iter().flat_map(|(workspace, flows)| {
            flows.conversations.list.values().filter_map(move |one| Some((one.due_at?, workspace)))
        });
        let mut due: Vec<_> = all.filter(|(at, _)| *at <= now).collect();
        due.sort();
        let mut found = Vec::new();
        for (_, workspace) in due.into_iter().take(page_limit(limit) as usize) {
            if !found.contains(workspace) {
                found.push(workspace.clone());
            }
        }
        Ok(found)
    }

    async fn input_seen(&self, account: &AccountId, chat: &str, message_id: &str) -> Result<bool> {
        let key = (place(account, chat), message_id.to_owned());
        Ok(self.read_flows(account.workspace(), |flows| flows.conversations.inputs.contains_key(&key)))
    }

    async fn oldest_input(&self, workspace: &WorkspaceId) -> Result<Option<i64>> {
        Ok(self.read_flows(workspace, |flows| flows.conversations.inputs.values().min().copied()))
    }

    async fn oldest_ended(&self, workspace: &WorkspaceId) -> Result<Option<i64>> {
        Ok(self.read_flows(workspace, |flows| {
            let all = flows.conversations.list.values().map(|conversation| &conversation.record);
            all.filter(|record| !record.status.is_live()).map(|record| record.updated_at).min()
        }))
    }
}
