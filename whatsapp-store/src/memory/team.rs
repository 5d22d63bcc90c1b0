use std::collections::BTreeMap;

use async_trait::async_trait;

use super::{MemoryStore, State};
use crate::{
    ApiKeyPage, ApiKeyRecord, Change, Error, ErrorKind, ResetToken, Result, Scope, SecretHash, TeamChange,
    TeamStore, UserPage, UserRecord, WorkspaceId, WorkspacePage, WorkspaceRecord, email_key, page_limit,
    revision::{self, risen},
};

/// A workspace, and an id in it.
type Key = (WorkspaceId, String);

/// All workspaces with their users and keys: lookups by address and by secret search all of them.
#[derive(Clone, Default)]
pub(super) struct Teams {
    workspaces: BTreeMap<WorkspaceId, WorkspaceRecord>,
    users: BTreeMap<Key, UserRecord>,
    keys: BTreeMap<Key, ApiKeyRecord>,
    /// By the user.
    tokens: BTreeMap<Key, ResetToken>,
}

/// What can make a commit fail, asked before anything of it is applied: tries its changes one after the other on a copy.
pub(super) fn check(teams: &Teams, scope: &Scope, list: &[Change]) -> Result<()> {
    let can_fail = |change: &Change| {
        use TeamChange::{ExpectApiKey, ExpectUser, ExpectWorkspace, PutApiKey, PutResetToken, PutUser};
        let Change::Team(change) = change else { return false };
        let takes_a_name = matches!(change, PutUser(_) | PutApiKey(_) | PutResetToken(_));
        takes_a_name || matches!(change, ExpectWorkspace { .. } | ExpectUser { .. } | ExpectApiKey { .. })
    };
    if !list.iter().any(can_fail) {
        return Ok(());
    }
    let mut trial = teams.clone();
    list.iter().try_for_each(|change| match change {
        Change::Team(change) => trial.apply(scope.workspace(), change.clone()),
        _ => Ok(()),
    })
}

pub(super) fn apply(state: &mut State, scope: &Scope, change: TeamChange) {
    if change == TeamChange::DeleteWorkspace {
        return state.delete_workspace(scope.workspace());
    }
    // The check has found that it does not fail.
    let _ = state.teams.apply(scope.workspace(), change);
}

fn taken(why: &'static str) -> Error {
    Error::new(ErrorKind::Conflict, "writing a workspace").because(why)
}

impl Teams {
    pub(super) fn delete_workspace(&mut self, id: &WorkspaceId) {
        self.workspaces.remove(id);
        self.users.retain(|(workspace, _), _| workspace != id);
        self.keys.retain(|(workspace, _), _| workspace != id);
        self.tokens.retain(|(workspace, _), _| workspace != id);
    }

    fn apply(&mut self, workspace: &WorkspaceId, change: TeamChange) -> Result<()> {
        let key = |id: String| (workspace.clone(), id);
        match change {
            TeamChange::ExpectWorkspace { updated_at } => {
                let stored = self.workspaces.get(workspace).map(|record| record.updated_at);
                revision::check(stored, updated_at, "changing a workspace")?;
            }
            TeamChange::ExpectUser { user, updated_at } => {
                let stored = self.users.get(&key(user)).map(|user| user.updated_at);
                revision::check(stored, updated_at, "changing a user")?;
            }
            TeamChange::ExpectApiKey { key: id, updated_at } => {
                let stored = self.keys.get(&key(id)).map(|key| key.updated_at);
                revision::check(stored, updated_at, "changing an API key")?;
            }
            TeamChange::PutWorkspace(mut record) => {
                let last = self.workspaces.get(workspace).map(|record| record.updated_at);
                record.updated_at = last.map_or(record.updated_at, |last| risen(last, record.updated_at));
                self.workspaces.insert(workspace.clone(), record);
            }
            TeamChange::DeleteWorkspace => self.delete_workspace(workspace),
            TeamChange::PutUser(mut user) => {
                let (id, address) = (key(user.id.clone()), email_key(&user.email));
                if self.users.iter().any(|(other, user)| *other != id && email_key(&user.email) == address) {
                    return Err(taken("the address is that of another user"));
                }
                let last = self.users.get(&id).map(|user| user.updated_at);
                user.updated_at = last.map_or(user.updated_at, |last| risen(last, user.updated_at));
                self.users.insert(id, user);
            }
            TeamChange::DeleteUser(user) => {
                self.tokens.remove(&key(user.clone()));
                self.users.remove(&key(user));
            }
            TeamChange::PutApiKey(record) => self.put_key(key(record.id.clone()), record)?,
            TeamChange::RevokeApiKey { key: id, at } => {
                if let Some(record) = self.keys.get_mut(&key(id))
                    && record.revoked_at.is_none()
                {
                    record.revoked_at = Some(at);
                    record.updated_at = risen(record.updated_at, at);
                }
            }
            TeamChange::TouchApiKey { key: id, at } => {
                if let Some(record) = self.keys.get_mut(&key(id)) {
                    record.last_used_at = record.last_used_at.max(Some(at));
                }
            }
            TeamChange::PutResetToken(token) => {
                let user = key(token.user.clone());
                if self.tokens.iter().any(|(other, held)| *other != user && held.hash == token.hash) {
                    return Err(taken("the token is that of another user"));
                }
                self.tokens.insert(user, token);
            }
        }
        Ok(())
    }

    fn put_key(&mut self, id: Key, mut record: ApiKeyRecord) -> Result<()> {
        if self.keys.iter().any(|(other, key)| *other != id && key.hash == record.hash) {
            return Err(taken("the key is there under another id"));
        }
        if let Some(former) = self.keys.get(&id) {
            record.revoked_at = former.revoked_at.or(record.revoked_at);
            record.last_used_at = former.last_used_at.max(record.last_used_at);
            record.updated_at = risen(former.updated_at, record.updated_at);
        }
        self.keys.insert(id, record);
        Ok(())
    }
}

/// A page of records in order, `id` naming the time and the id that they are ordered by.
fn page<T: Clone>(
    all: impl Iterator<Item = T>,
    id: impl Fn(&T) -> (i64, &str),
    after: Option<&str>,
    limit: u32,
) -> Result<(Vec<T>, Option<String>)> {
    let after = after.map(crate::cursor::place).transpose()?;
    let behind = |record: &T| after.is_none_or(|after| id(record) > after);
    let mut found: Vec<T> = all.filter(behind).collect();
    found.sort_by(|a, b| id(a).cmp(&id(b)));
    let limit = page_limit(limit) as usize;
    let more = found.len() > limit;
    found.truncate(limit);
    let next = found.last().filter(|_| more).map(|last| {
        let (at, id) = id(last);
        format!("{at}.{id}")
    });
    Ok((found, next))
}

#[async_trait]
impl TeamStore for MemoryStore {
    async fn workspace(&self, workspace: &WorkspaceId) -> Result<Option<WorkspaceRecord>> {
        Ok(self.state.read().teams.workspaces.get(workspace).cloned())
    }

    async fn workspaces(&self, after: Option<&str>, limit: u32) -> Result<WorkspacePage> {
        let state = self.state.read();
        let all = state.teams.workspaces.values().cloned();
        let (workspaces, next) = page(all, |record| (record.created_at, record.id.as_str()), after, limit)?;
        Ok(WorkspacePage { workspaces, next })
    }

    async fn user(&self, workspace: &WorkspaceId, user: &str) -> Result<Option<UserRecord>> {
        Ok(self.state.read().teams.users.get(&(workspace.clone(), user.to_owned())).cloned())
    }

    async fn user_by_email(&self, email: &str) -> Result<Option<UserRecord>> {
        let (state, address) = (self.state.read(), email_key(email));
        Ok(state.teams.users.values().find(|user| email_key(&user.email) == address).cloned())
    }

    async fn users(&self, workspace: &WorkspaceId, after: Option<&str>, limit: u32) -> Result<UserPage> {
        let state = self.state.read();
        let all = state.teams.users.values().filter(|user| user.workspace == *workspace).cloned();
        let (users, next) = page(all, |user| (user.created_at, &user.id), after, limit)?;
        Ok(UserPage { users, next })
    }

    async fn api_key_by_hash(&self, hash: &SecretHash) -> Result<Option<ApiKeyRecord>> {
        Ok(self.state.read().teams.keys.values().find(|key| key.hash == *hash).cloned())
    }

    async fn api_keys(&self, workspace: &WorkspaceId, after: Option<&str>, limit: u32) -> Result<ApiKeyPage> {
        let state = self.state.read();
        let all = state.teams.keys.values().filter(|key| key.workspace == *workspace).cloned();
        let (keys, next) = page(all, |key| (key.created_at, &key.id), after, limit)?;
        Ok(ApiKeyPage { keys, next })
    }

    async fn take_reset_token(&self, hash: &SecretHash, now: i64) -> Result<Option<ResetToken>> {
        let tokens = &mut self.state.write().teams.tokens;
        let user = tokens.iter().find(|(_, token)| token.hash == *hash).map(|(user, _)| user.clone());
        let token = user.and_then(|user| tokens.remove(&user));
        Ok(token.filter(|token| now < token.expires_at))
    }
}
