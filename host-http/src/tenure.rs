//! Which node runs a session: the one that holds its lease. Two clients of one account would break its ratchets, so
//! every commit of a client carries the lease's token, and fails once another node has the lease.
use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::sync::oneshot;
use whatsapp_store::{AccountId, DesiredState, Error, Lease, Store};

use crate::time::now_millis;

/// How often it is asked for a lease that another node is about to give back.
const PAUSE: Duration = Duration::from_millis(500);

/// How a tenure ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tenure {
    /// Another node has the lease, or may have it by now.
    Lost,
    /// The session was stopped or deleted, on this node or another.
    NotDesired,
}

/// This node, as it holds leases. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    store: Arc<dyn Store>,
    name: Arc<str>,
    /// How long a lease lasts that is not renewed: so long a session stays down when its node dies.
    term: Duration,
    held: Arc<Mutex<HashMap<AccountId, Held>>>,
}

/// A lease that is kept.
#[derive(Debug)]
struct Held {
    token: i64,
    /// When it ends unless it is prolonged, milliseconds since the Unix epoch.
    until: i64,
    end: oneshot::Sender<Tenure>,
}

impl Node {
    /// A node with a name that no other node on the same database has.
    pub(crate) fn new(store: Arc<dyn Store>, name: &str, term: Duration) -> Self {
        Self { store, name: name.into(), term, held: Arc::default() }
    }

    /// Takes the lease of a session; `None` when another node has it. What an earlier run of this node still held is given
    /// back first, so that the new lease has a new token.
    pub(crate) async fn take(&self, id: &AccountId) -> Result<Option<Lease>, Error> {
        let (workspace, name) = (id.workspace(), lease_name(id));
        if let Some(held) = self.store.lease(workspace, &name).await?.filter(|held| *held.owner == *self.name)
        {
            self.store.release_lease(workspace, &held).await?;
        }
        self.acquire(id).await
    }

    async fn acquire(&self, id: &AccountId) -> Result<Option<Lease>, Error> {
        let now = now_millis();
        let until = now + self.term.as_millis() as i64;
        self.store.acquire_lease(id.workspace(), &lease_name(id), &self.name, now, until).await
    }

    /// Resolves when the lease was lost, or the session is not to run any more; [`Node::prolong`] prolongs it until then.
    pub(crate) async fn keep(&self, id: &AccountId, lease: &Lease) -> Tenure {
        let (end, ended) = oneshot::channel();
        let held = Held { token: lease.token, until: lease.until, end };
        // An earlier one under this id is over: its token was replaced.
        if let Some(earlier) = self.held().insert(id.clone(), held) {
            let _ = earlier.end.send(Tenure::Lost);
        }
        let _guard = Kept { node: self, id, token: lease.token };
        ended.await.unwrap_or(Tenure::Lost)
    }

    /// Prolongs all leases of this node in one write, for as long as the host runs.
    pub(crate) async fn prolong(&self) {
        loop {
            tokio::time::sleep(self.term / 3).await;
            if let Err(error) = self.prolong_once().await {
                tracing::warn!(%error, "the leases of sessions were not prolonged: it is tried again");
                self.end_those_past();
            }
        }
    }

    async fn prolong_once(&self) -> Result<(), Error> {
        let asked: HashMap<AccountId, i64> =
            self.held().iter().map(|(id, held)| (id.clone(), held.token)).collect();
        if asked.is_empty() {
            return Ok(());
        }
        let now = now_millis();
        let until = now + self.term.as_millis() as i64;
        let names: Vec<_> = asked.keys().map(|id| (id.workspace().clone(), lease_name(id))).collect();
        let prolonged = self.store.prolong_leases(&self.name, now, until, &names).await?;
        let prolonged: HashSet<_> =
            prolonged.into_iter().map(|(workspace, lease)| (workspace, lease.name, lease.token)).collect();
        let is_kept =
            |id: &AccountId, token| prolonged.contains(&(id.workspace().clone(), lease_name(id), token));
        for (id, token) in &asked {
            if is_kept(id, *token) {
                if let Some(held) = self.held().get_mut(id).filter(|held| held.token == *token) {
                    held.until = until;
                }
            } else {
                self.end(id, *token, Tenure::Lost);
            }
        }
        // Another node may have said that a session is not to run.
        let running = self.store.all_sessions().await?;
        let running: HashSet<_> = running
            .into_iter()
            .filter(|session| session.desired == DesiredState::Running)
            .map(|session| session.id)
            .collect();
        for (id, token) in asked.iter().filter(|(id, _)| !running.contains(*id)) {
            self.end(id, *token, Tenure::NotDesired);
        }
        Ok(())
    }

    /// The store may come back before a lease ends; afterwards another node may have it.
    fn end_those_past(&self) {
        let now = now_millis();
        let past: Vec<_> = self
            .held()
            .iter()
            .filter(|(_, held)| held.until <= now)
            .map(|(id, held)| (id.clone(), held.token))
            .collect();
        past.iter().for_each(|(id, token)| self.end(id, *token, Tenure::Lost));
    }

    fn end(&self, id: &AccountId, token: i64, tenure: Tenure) {
        let mut held = self.held();
        if held.get(id).is_some_and(|held| held.token == token)
            && let Some(held) = held.remove(id)
        {
            let _ = held.end.send(tenure);
        }
    }

    fn held(&self) -> MutexGuard<'_, HashMap<AccountId, Held>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// As [`Node::take`], waiting for another node to give the lease back, as it does once it finds that the session is not to
    /// run any more.
    pub(crate) async fn take_from_others(&self, id: &AccountId) -> Result<Option<Lease>, Error> {
        let patience = now_millis() + (self.term.as_millis() * 2 / 3) as i64;
        loop {
            let lease = self.take(id).await?;
            if lease.is_some() || now_millis() > patience {
                return Ok(lease);
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Gives a lease back, so that the session can start elsewhere at once.
    pub(crate) async fn give_back(&self, id: &AccountId, lease: &Lease) {
        if let Err(error) = self.store.release_lease(id.workspace(), lease).await {
            tracing::info!(session = %id, %error, "the lease was not given back: it ends by itself");
        }
    }
}

/// Forgets a lease when nobody waits for its end any more.
struct Kept<'a> {
    node: &'a Node,
    id: &'a AccountId,
    token: i64,
}

impl Drop for Kept<'_> {
    fn drop(&mut self) {
        self.node.end(self.id, self.token, Tenure::Lost);
    }
}

fn lease_name(id: &AccountId) -> String {
    format!("session/{}", id.name())
}

#[cfg(test)]
mod tests {
    use whatsapp_store::{Change, Changes, LeaseStore, SessionRecord, memory::MemoryStore};

    use super::*;

    async fn save(store: &MemoryStore, id: &AccountId, desired: DesiredState) {
        let (id, created_at, observed) = (id.clone(), 0, None);
        let record = SessionRecord {
            id: id.clone(),
            name: String::new(),
            desired,
            created_at,
            updated_at: 0,
            observed,
        };
        let mut changes = Changes::new(id);
        changes.push(Change::PutSession(record));
        store.commit(changes).await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn leases_are_kept_until_they_are_lost_or_not_wanted() {
        let store = Arc::new(MemoryStore::new());
        let node = Node::new(store.clone(), "one", Duration::from_secs(30));
        let keeper = node.clone();
        let keeping = tokio::spawn(async move { keeper.prolong().await });
        let ids: Vec<AccountId> = ["kept", "lost", "stopped", "deleted"].map(|id| id.parse().unwrap()).into();
        let mut tasks = Vec::new();
        for id in &ids {
            save(&store, id, DesiredState::Running).await;
            let lease = node.take(id).await.unwrap().unwrap();
            let (node, id) = (node.clone(), id.clone());
            tasks.push(tokio::spawn(async move { node.keep(&id, &lease).await }));
        }
        tokio::time::sleep(Duration::from_secs(60)).await;
        assert!(tasks.iter().all(|task| !task.is_finished()));
        let of = |id: &AccountId| (id.workspace().clone(), lease_name(id));
        let (workspace, name) = of(&ids[1]);
        let held = store.lease(&workspace, &name).await.unwrap().unwrap();
        store.release_lease(&workspace, &held).await.unwrap();
        save(&store, &ids[2], DesiredState::Stopped).await;
        let mut changes = Changes::new(ids[3].clone());
        changes.push(Change::DeleteSession);
        store.commit(changes).await.unwrap();
        let kept = tasks.remove(0);
        for (task, wanted) in tasks.into_iter().zip([Tenure::Lost, Tenure::NotDesired, Tenure::NotDesired]) {
            assert_eq!(task.await.unwrap(), wanted);
        }
        assert!(!kept.is_finished());
        kept.abort();
        assert!(kept.await.unwrap_err().is_cancelled());
        assert!(node.held().is_empty(), "nothing is prolonged for nobody");
        keeping.abort();
    }
}
