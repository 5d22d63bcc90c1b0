use std::collections::{BTreeMap, HashMap};

use async_trait::async_trait;

use super::{MemoryStore, State, conversation::Conversations};
use crate::{
    AccountId, Change, ChatChange, Error, ErrorKind, FlowChange, FlowHead, FlowHeadPage, FlowPage,
    FlowRecord, FlowStore, FlowVersion, FlowVersionHead, FlowVersionPage, NodeCount, Result, Scope,
    TeamChange, WorkspaceId, cursor, page_limit,
    revision::{self, risen},
};

/// All flows, by workspace.
#[derive(Default)]
pub(super) struct Flows(HashMap<WorkspaceId, WorkspaceFlows>);

/// The flows of a workspace.
#[derive(Clone, Default)]
pub(super) struct WorkspaceFlows {
    flows: BTreeMap<String, FlowRecord>,
    versions: BTreeMap<(String, i64), FlowVersion>,
    pub(super) conversations: Conversations,
    counts: BTreeMap<(String, i64, String), NodeCount>,
}

/// Checks that can make a commit fail, made before any of it is applied: tries its changes one after the other on a copy of
/// the records that they name.
pub(super) fn check(flows: &Flows, scope: &Scope, list: &[Change]) -> Result<()> {
    if !list.iter().any(|change| matches!(change, Change::Flow(_))) {
        return Ok(());
    }
    let mut trial = flows.0.get(scope.workspace()).map(|flows| flows.excerpt(list)).unwrap_or_default();
    for change in list {
        match change {
            Change::Flow(change) => trial.apply(change.clone())?,
            Change::Team(TeamChange::DeleteWorkspace) => trial = WorkspaceFlows::default(),
            // A chat stays what it is when it is merged with itself.
            Change::Chat(ChatChange::Merge { from, into }) if from != into => {
                scope
                    .account()
                    .into_iter()
                    .for_each(|account| trial.conversations.merge(account, from, into));
            }
            Change::DeleteSession => {
                scope.account().into_iter().for_each(|account| trial.conversations.delete_account(account))
            }
            _ => {}
        }
    }
    Ok(())
}

pub(super) fn apply(state: &mut State, scope: &Scope, change: FlowChange) {
    let flows = state.flows.0.entry(scope.workspace().clone()).or_default();
    // The check has found that it does not fail.
    let _ = flows.apply(change);
}

impl Flows {
    pub(super) fn iter(&self) -> impl Iterator<Item = (&WorkspaceId, &WorkspaceFlows)> {
        self.0.iter()
    }

    pub(super) fn of_mut(&mut self, workspace: &WorkspaceId) -> Option<&mut WorkspaceFlows> {
        self.0.get_mut(workspace)
    }

    pub(super) fn merge_chats(&mut self, account: &AccountId, from: &str, into: &str) {
        if let Some(flows) = self.0.get_mut(account.workspace()) {
            flows.conversations.merge(account, from, into);
        }
    }

    pub(super) fn delete_workspace(&mut self, workspace: &WorkspaceId) {
        self.0.remove(workspace);
    }

    pub(super) fn delete_account(&mut self, account: &AccountId) {
        if let Some(flows) = self.0.get_mut(account.workspace()) {
            flows.conversations.delete_account(account);
        }
    }
}

impl WorkspaceFlows {
    /// The records that these changes name: only those can make them fail. Changes that go by time or move a chat may name any
    /// record.
    fn excerpt(&self, list: &[Change]) -> Self {
        let mut excerpt = Self::default();
        for change in list {
            match change {
                Change::Flow(FlowChange::ForgetInputs { .. } | FlowChange::ForgetEnded { .. })
                | Change::Chat(ChatChange::Merge { .. }) => {
                    return self.clone();
                }
                Change::Flow(FlowChange::Publish { flow, .. } | FlowChange::Expect { flow, .. }) => {
                    let found = self.flows.get(flow).cloned();
                    excerpt.flows.extend(found.map(|found| (flow.clone(), found)));
                }
                Change::Flow(change) => self.conversations.excerpt(change, &mut excerpt.conversations),
                _ => {}
            }
        }
        excerpt
    }

    fn apply(&mut self, change: FlowChange) -> Result<()> {
        match change {
            FlowChange::Expect { flow, updated_at } => self.expect(&flow, updated_at)?,
            FlowChange::PutDraft { flow, name, draft, at } => self.put_draft(flow, name, draft, at),
            FlowChange::Publish { flow, definition, at, by } => self.publish(&flow, definition, at, by)?,
            FlowChange::SetEnabled { flow, enabled, at } => {
                if let Some(flow) = self.flows.get_mut(&flow) {
                    (flow.enabled, flow.updated_at) = (enabled, risen(flow.updated_at, at));
                }
            }
            FlowChange::Delete { flow, at } => self.delete(&flow, at),
            change @ (FlowChange::PutConversation { .. }
            | FlowChange::EndConversation { .. }
            | FlowChange::ForgetConversation { .. }
            | FlowChange::SeenInput { .. }
            | FlowChange::ForgetInputs { .. }
            | FlowChange::ForgetEnded { .. }) => self.conversations.apply(change)?,
            FlowChange::CountNode { flow, version, count } => self.count(flow, version, count),
        }
        Ok(())
    }

    fn expect(&self, flow: &str, updated_at: Option<i64>) -> Result<()> {
        revision::check(self.flows.get(flow).map(|flow| flow.updated_at), updated_at, "changing a flow")
    }

    fn put_draft(&mut self, id: String, name: String, draft: Option<String>, at: i64) {
        match self.flows.get_mut(&id) {
            Some(flow) => {
                flow.updated_at = risen(flow.updated_at, at);
                (flow.name, flow.draft) = (name, draft);
            }
            None => {
                let (created_at, updated_at) = (at, at);
                let flow =
                    FlowRecord { id, name, draft, published: None, enabled: false, created_at, updated_at };
                self.flows.insert(flow.id.clone(), flow);
            }
        }
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
        (flow.published, flow.updated_at) = (Some(version), risen(flow.updated_at, published_at));
        let published = FlowVersion { flow: id.to_owned(), version, definition, published_at, published_by };
        self.versions.insert((id.to_owned(), version), published);
        Ok(())
    }

    fn delete(&mut self, id: &str, at: i64) {
        self.flows.remove(id);
        self.versions.retain(|(flow, _), _| flow != id);
        self.counts.retain(|(flow, _, _), _| flow != id);
        self.conversations.end_all(id, at);
    }

    fn count(&mut self, flow: String, version: i64, count: NodeCount) {
        let none = NodeCount { node: count.node.clone(), entered: 0, left: 0, dropped: 0, millis: 0 };
        let sum = self.counts.entry((flow, version, count.node)).or_insert(none);
        sum.entered += count.entered;
        sum.left += count.left;
        sum.dropped += count.dropped;
        sum.millis += count.millis;
    }

    /// A page of what `read` makes of flows, and the cursor of the next.
    fn page<T>(
        &self,
        after: Option<(i64, &str)>,
        limit: usize,
        read: impl Fn(&FlowRecord) -> T,
    ) -> (Vec<T>, Option<String>) {
        let mut flows: Vec<_> = self.flows.values().collect();
        flows.sort_by_key(|flow| (flow.created_at, &flow.id));
        flows.retain(|flow| after.is_none_or(|after| (flow.created_at, &*flow.id) > after));
        let more = flows.len() > limit;
        flows.truncate(limit);
        let next = flows.last().filter(|_| more).map(|flow| format!("{}.{}", flow.created_at, flow.id));
        (flows.into_iter().map(read).collect(), next)
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
}

fn head(flow: &FlowRecord) -> FlowHead {
    FlowHead {
        id: flow.id.clone(),
        name: flow.name.clone(),
        published: flow.published,
        enabled: flow.enabled,
        created_at: flow.created_at,
        updated_at: flow.updated_at,
    }
}

impl MemoryStore {
    /// Reads from a workspace's flows; a workspace without any reads like one that is empty.
    pub(super) fn read_flows<T: Default>(
        &self,
        workspace: &WorkspaceId,
        read: impl FnOnce(&WorkspaceFlows) -> T,
    ) -> T {
        self.state.read().flows.0.get(workspace).map(read).unwrap_or_default()
    }
}

#[async_trait]
impl FlowStore for MemoryStore {
    async fn flow(&self, workspace: &WorkspaceId, flow: &str) -> Result<Option<FlowRecord>> {
        Ok(self.read_flows(workspace, |flows| flows.flows.get(flow).cloned()))
    }

    async fn flows(&self, workspace: &WorkspaceId, after: Option<&str>, limit: u32) -> Result<FlowPage> {
        let place = after.map(cursor::place).transpose()?;
        let (flows, next) =
            self.read_flows(workspace, |flows| flows.page(place, page_limit(limit) as usize, Clone::clone));
        Ok(FlowPage { flows, next })
    }

    async fn flow_head(&self, workspace: &WorkspaceId, flow: &str) -> Result<Option<FlowHead>> {
        Ok(self.read_flows(workspace, |flows| flows.flows.get(flow).map(head)))
    }

    async fn flow_heads(
        &self,
        workspace: &WorkspaceId,
        after: Option<&str>,
        limit: u32,
    ) -> Result<FlowHeadPage> {
        let place = after.map(cursor::place).transpose()?;
        let (flows, next) =
            self.read_flows(workspace, |flows| flows.page(place, page_limit(limit) as usize, head));
        Ok(FlowHeadPage { flows, next })
    }

    async fn flow_version(
        &self,
        workspace: &WorkspaceId,
        flow: &str,
        version: i64,
    ) -> Result<Option<FlowVersion>> {
        Ok(self.read_flows(workspace, |flows| flows.versions.get(&(flow.to_owned(), version)).cloned()))
    }

    async fn flow_versions(
        &self,
        workspace: &WorkspaceId,
        flow: &str,
        before: Option<&str>,
        limit: u32,
    ) -> Result<FlowVersionPage> {
        let before = cursor::number(before, i64::MAX)?;
        Ok(self.read_flows(workspace, |flows| flows.version_page(flow, before, page_limit(limit) as usize)))
    }

    async fn node_counts(&self, workspace: &WorkspaceId, flow: &str, version: i64) -> Result<Vec<NodeCount>> {
        Ok(self.read_flows(workspace, |flows| {
            let of_version = flows.counts.iter().filter(|((of, at, _), _)| of == flow && *at == version);
            of_version.map(|(_, count)| count.clone()).collect()
        }))
    }
}
