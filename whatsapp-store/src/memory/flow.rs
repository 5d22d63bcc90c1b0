use std::collections::{BTreeMap, HashMap};

use async_trait::async_trait;

use super::{MemoryStore, State};
use crate::{
    AccountId, Change, ConversationPage, ConversationRecord, ConversationStatus, Error, ErrorKind,
    FlowChange, FlowPage, FlowRecord, FlowStore, FlowVersion, FlowVersionHead, FlowVersionPage, NodeCount,
    Result, Scope, TeamChange, WorkspaceId, page_limit,
};

/// All flows, by workspace.
#[derive(Default)]
pub(super) struct Flows(HashMap<WorkspaceId, Shelf>);

/// An account's name, and a chat.
type Place = (String, String);

/// The flows of a workspace.
#[derive(Clone, Default)]
struct Shelf {
    flows: BTreeMap<String, FlowRecord>,
    versions: BTreeMap<(String, i64), FlowVersion>,
    conversations: BTreeMap<Place, Conversation>,
    /// When each input was noted.
    inputs: BTreeMap<(Place, String), i64>,
    counts: BTreeMap<(String, i64, String), NodeCount>,
}

#[derive(Clone)]
struct Conversation {
    record: ConversationRecord,
    /// When it is to be taken next: its `wake_at`, until somebody takes it.
    due_at: Option<i64>,
}

fn place(account: &AccountId, chat: &str) -> Place {
    (account.name().to_owned(), chat.to_owned())
}

fn conflict(why: &'static str) -> Error {
    Error::new(ErrorKind::Conflict, "writing a conversation").because(why)
}

/// What can make a commit fail, asked before anything of it is applied: tries its changes one after the other on a copy
/// of what they name.
pub(super) fn check(flows: &Flows, scope: &Scope, list: &[Change]) -> Result<()> {
    if !list.iter().any(|change| matches!(change, Change::Flow(_))) {
        return Ok(());
    }
    let mut trial = flows.0.get(scope.workspace()).map(|shelf| shelf.excerpt(list)).unwrap_or_default();
    for change in list {
        match change {
            Change::Flow(change) => trial.apply(change.clone())?,
            Change::Team(TeamChange::DeleteWorkspace) => trial = Shelf::default(),
            Change::DeleteSession => {
                scope.account().into_iter().for_each(|account| trial.delete_account(account))
            }
            _ => {}
        }
    }
    Ok(())
}

pub(super) fn apply(state: &mut State, scope: &Scope, change: FlowChange) {
    let shelf = state.flows.0.entry(scope.workspace().clone()).or_default();
    // The check has found that it does not fail.
    let _ = shelf.apply(change);
}

impl Flows {
    pub(super) fn delete_workspace(&mut self, workspace: &WorkspaceId) {
        self.0.remove(workspace);
    }

    pub(super) fn delete_account(&mut self, account: &AccountId) {
        if let Some(shelf) = self.0.get_mut(account.workspace()) {
            shelf.delete_account(account);
        }
    }
}

impl Shelf {
    /// What these changes name, which is all that can make them fail. Those that go by time may name anything.
    fn excerpt(&self, list: &[Change]) -> Self {
        let mut excerpt = Self::default();
        for change in list {
            match change {
                Change::Flow(FlowChange::ForgetInputs { .. } | FlowChange::ForgetEnded { .. }) => {
                    return self.clone();
                }
                Change::Flow(FlowChange::Publish { flow, .. }) => {
                    excerpt.flows.extend(self.flows.get_key_value(flow).map(owned));
                }
                Change::Flow(FlowChange::PutConversation { record, .. }) => {
                    let place = place(&record.account, &record.chat);
                    excerpt.conversations.extend(self.conversations.get_key_value(&place).map(owned));
                }
                Change::Flow(FlowChange::SeenInput { account, chat, message_id, .. }) => {
                    let key = (place(account, chat), message_id.clone());
                    excerpt.inputs.extend(self.inputs.get_key_value(&key).map(owned));
                }
                _ => {}
            }
        }
        excerpt
    }

    fn apply(&mut self, change: FlowChange) -> Result<()> {
        match change {
            FlowChange::PutDraft { flow, name, draft, at } => self.put_draft(flow, name, draft, at),
            FlowChange::Publish { flow, definition, at, by } => self.publish(&flow, definition, at, by)?,
            FlowChange::SetEnabled { flow, enabled, at } => {
                if let Some(flow) = self.flows.get_mut(&flow) {
                    (flow.enabled, flow.updated_at) = (enabled, at);
                }
            }
            FlowChange::Delete { flow, at } => self.delete(&flow, at),
            FlowChange::PutConversation { record, expected } => self.put_conversation(record, expected)?,
            FlowChange::EndConversation { account, chat, at } => {
                if let Some(conversation) = self.conversations.get_mut(&place(&account, &chat)) {
                    conversation.end(at);
                }
            }
            FlowChange::ForgetConversation { account, chat } => {
                let place = place(&account, &chat);
                self.conversations.remove(&place);
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
                let all =
                    self.conversations.iter().map(|(place, conversation)| (&conversation.record, place));
                let ended = all.filter(|(record, _)| !record.status.is_live());
                for place in oldest(ended.map(|(record, place)| (record.updated_at, place)), before, limit) {
                    self.conversations.remove(&place);
                }
            }
            FlowChange::CountNode { flow, version, count } => self.count(flow, version, count),
        }
        Ok(())
    }

    fn put_draft(&mut self, id: String, name: String, draft: Option<String>, at: i64) {
        let flow = self.flows.entry(id.clone()).or_insert_with(|| FlowRecord {
            id,
            name: String::new(),
            draft: None,
            published: None,
            enabled: false,
            created_at: at,
            updated_at: at,
        });
        (flow.name, flow.draft, flow.updated_at) = (name, draft, at);
    }

    fn publish(
        &mut self,
        id: &str,
        definition: String,
        published_at: i64,
        published_by: String,
    ) -> Result<()> {
        let Some(flow) = self.flows.get_mut(id) else {
            return Err(Error::new(ErrorKind::Invalid, "publishing a flow").because("there is no such flow"));
        };
        let version = flow.published.unwrap_or(0) + 1;
        (flow.published, flow.updated_at) = (Some(version), published_at);
        let published = FlowVersion { flow: id.to_owned(), version, definition, published_at, published_by };
        self.versions.insert((id.to_owned(), version), published);
        Ok(())
    }

    fn delete(&mut self, id: &str, at: i64) {
        self.flows.remove(id);
        self.versions.retain(|(flow, _), _| flow != id);
        self.counts.retain(|(flow, _, _), _| flow != id);
        let all = self.conversations.values_mut();
        all.filter(|conversation| conversation.record.flow == id)
            .for_each(|conversation| conversation.end(at));
    }

    fn put_conversation(&mut self, record: ConversationRecord, expected: Option<i64>) -> Result<()> {
        let place = place(&record.account, &record.chat);
        if self.conversations.get(&place).map(|stored| stored.record.revision) != expected {
            return Err(conflict("the conversation was written by somebody else"));
        }
        let due_at = record.wake_at.filter(|_| record.status.is_live());
        self.conversations.insert(place, Conversation { record, due_at });
        Ok(())
    }

    fn count(&mut self, flow: String, version: i64, count: NodeCount) {
        let none = NodeCount { node: count.node.clone(), entered: 0, left: 0, dropped: 0, millis: 0 };
        let sum = self.counts.entry((flow, version, count.node)).or_insert(none);
        sum.entered += count.entered;
        sum.left += count.left;
        sum.dropped += count.dropped;
        sum.millis += count.millis;
    }

    fn delete_account(&mut self, account: &AccountId) {
        self.conversations.retain(|(name, _), _| name != account.name());
        self.inputs.retain(|((name, _), _), _| name != account.name());
    }

    fn flow_page(&self, after: Option<(i64, &str)>, limit: usize) -> FlowPage {
        let mut flows: Vec<_> = self.flows.values().collect();
        flows.sort_by_key(|flow| (flow.created_at, &flow.id));
        flows.retain(|flow| after.is_none_or(|after| (flow.created_at, &*flow.id) > after));
        let more = flows.len() > limit;
        flows.truncate(limit);
        let next = flows.last().filter(|_| more).map(|flow| format!("{}.{}", flow.created_at, flow.id));
        FlowPage { flows: flows.into_iter().cloned().collect(), next }
    }

    fn version_page(&self, flow: &str, before: i64, limit: usize) -> FlowVersionPage {
        let range = self.versions.range((flow.to_owned(), i64::MIN)..(flow.to_owned(), before));
        let mut heads = range.rev().map(|(_, version)| FlowVersionHead {
            version: version.version,
            published_at: version.published_at,
            published_by: version.published_by.clone(),
        });
        let versions: Vec<_> = heads.by_ref().take(limit).collect();
        let more = heads.next().is_some();
        let next = versions.last().filter(|_| more).map(|head| head.version.to_string());
        FlowVersionPage { versions, next }
    }

    fn conversation_page(
        &self,
        status: ConversationStatus,
        before: Option<(i64, &str, &str)>,
        limit: usize,
    ) -> ConversationPage {
        fn order(record: &ConversationRecord) -> (i64, &str, &str) {
            (record.updated_at, record.account.name(), &record.chat)
        }
        let all = self.conversations.values().map(|conversation| &conversation.record);
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
            .conversations
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
    fn end(&mut self, at: i64) {
        if self.record.status.is_live() {
            self.record.status = ConversationStatus::Ended;
            (self.record.wake_at, self.due_at) = (None, None);
            self.record.revision += 1;
            self.record.updated_at = at;
        }
    }
}

fn owned<K: Clone, V: Clone>((key, value): (&K, &V)) -> (K, V) {
    (key.clone(), value.clone())
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

/// Where a page starts: "number.text".
fn cursor(text: &str) -> Option<(i64, &str)> {
    let (number, text) = text.split_once('.')?;
    Some((number.parse().ok()?, text))
}

impl MemoryStore {
    /// Reads from a workspace's flows; a workspace without any reads like one that is empty.
    fn shelf<T: Default>(&self, workspace: &WorkspaceId, read: impl FnOnce(&Shelf) -> T) -> T {
        self.state.read().flows.0.get(workspace).map(read).unwrap_or_default()
    }
}

#[async_trait]
impl FlowStore for MemoryStore {
    async fn flow(&self, workspace: &WorkspaceId, flow: &str) -> Result<Option<FlowRecord>> {
        Ok(self.shelf(workspace, |shelf| shelf.flows.get(flow).cloned()))
    }

    async fn flows(&self, workspace: &WorkspaceId, after: Option<&str>, limit: u32) -> Result<FlowPage> {
        let place = after.map(cursor);
        if place == Some(None) {
            return Ok(FlowPage::default());
        }
        Ok(self.shelf(workspace, |shelf| shelf.flow_page(place.flatten(), page_limit(limit) as usize)))
    }

    async fn flow_version(
        &self,
        workspace: &WorkspaceId,
        flow: &str,
        version: i64,
    ) -> Result<Option<FlowVersion>> {
        Ok(self.shelf(workspace, |shelf| shelf.versions.get(&(flow.to_owned(), version)).cloned()))
    }

    async fn flow_versions(
        &self,
        workspace: &WorkspaceId,
        flow: &str,
        before: Option<&str>,
        limit: u32,
    ) -> Result<FlowVersionPage> {
        let Ok(before) = before.map_or(Ok(i64::MAX), str::parse) else {
            return Ok(FlowVersionPage::default());
        };
        Ok(self.shelf(workspace, |shelf| shelf.version_page(flow, before, page_limit(limit) as usize)))
    }

    async fn conversation(&self, account: &AccountId, chat: &str) -> Result<Option<ConversationRecord>> {
        let place = place(account, chat);
        Ok(self.shelf(account.workspace(), |shelf| {
            shelf.conversations.get(&place).map(|conversation| conversation.record.clone())
        }))
    }

    async fn conversations(
        &self,
        workspace: &WorkspaceId,
        status: ConversationStatus,
        before: Option<&str>,
        limit: u32,
    ) -> Result<ConversationPage> {
        let place = before.map(|text| {
            let (at, rest) = cursor(text)?;
            rest.split_once('.').map(|(account, chat)| (at, account, chat))
        });
        if place == Some(None) {
            return Ok(ConversationPage::default());
        }
        let limit = page_limit(limit) as usize;
        Ok(self.shelf(workspace, |shelf| shelf.conversation_page(status, place.flatten(), limit)))
    }

    async fn claim_due_conversations(
        &self,
        workspace: &WorkspaceId,
        now: i64,
        until: i64,
        limit: u32,
    ) -> Result<Vec<ConversationRecord>> {
        let mut state = self.state.write();
        let shelf = state.flows.0.get_mut(workspace);
        Ok(shelf.map(|shelf| shelf.claim(now, until, page_limit(limit) as usize)).unwrap_or_default())
    }

    async fn due_workspaces(&self, now: i64, limit: u32) -> Result<Vec<WorkspaceId>> {
        let state = self.state.read();
        let all = state.flows.0.iter().flat_map(|(workspace, shelf)| {
            shelf.conversations.values().filter_map(move |one| Some((one.due_at?, workspace)))
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
        Ok(self.shelf(account.workspace(), |shelf| shelf.inputs.contains_key(&key)))
    }

    async fn oldest_input(&self, workspace: &WorkspaceId) -> Result<Option<i64>> {
        Ok(self.shelf(workspace, |shelf| shelf.inputs.values().min().copied()))
    }

    async fn node_counts(&self, workspace: &WorkspaceId, flow: &str, version: i64) -> Result<Vec<NodeCount>> {
        Ok(self.shelf(workspace, |shelf| {
            let of_version = shelf.counts.iter().filter(|((of, at, _), _)| of == flow && *at == version);
            of_version.map(|(_, count)| count.clone()).collect()
        }))
    }
}
