//! A bound on what is done at once, which no account can use up for the others.
//!
//! Each account has one place of its own, and may take more of those that all share, up to a number. So a lane holds as many as there
//! are accounts and shared places, and an account waits for itself alone: for others only beyond its first place, in the order of
//! arrival.
use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use whatsapp_store::AccountId;

/// Accounts that may be remembered without anything to do, until they are looked through.
const IDLE: usize = 1_024;

/// Places of one kind of work.
pub(super) struct Lane {
    shared: Arc<Semaphore>,
    bounds: Bounds,
    accounts: Mutex<Accounts>,
}

/// How much of one kind of work is done at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Places that all accounts share.
    pub shared: usize,
    /// What one account may have at once, with the place of its own.
    pub of_account: usize,
}

#[derive(Default)]
struct Accounts {
    known: HashMap<AccountId, Arc<Account>>,
    /// So many were left when they were looked through last.
    left: usize,
}

struct Account {
    own: Arc<Semaphore>,
    more: Arc<Semaphore>,
    queued: AtomicUsize,
}

/// A place in a lane, until it is dropped.
#[derive(Debug)]
pub(super) struct Place {
    _own: OwnedSemaphorePermit,
    _shared: Option<OwnedSemaphorePermit>,
}

/// One who may wait in a lane.
pub(super) struct Queued {
    shared: Arc<Semaphore>,
    account: Arc<Account>,
}

impl Lane {
    pub(super) fn new(bounds: Bounds) -> Self {
        let shared = Arc::new(Semaphore::new(bounds.shared));
        Self { shared, bounds, accounts: Mutex::default() }
    }

    /// A place in the queue of an account; `None` when so many have one.
    pub(super) fn queue(&self, account: &AccountId, most: usize) -> Option<Queued> {
        let account = self.account(account);
        let claim = |queued: usize| (queued < most).then_some(queued + 1);
        account.queued.fetch_update(Ordering::Relaxed, Ordering::Relaxed, claim).ok()?;
        Some(Queued { shared: self.shared.clone(), account })
    }

    fn account(&self, id: &AccountId) -> Arc<Account> {
        let mut accounts = self.accounts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = accounts.known.get(id) {
            return known.clone();
        }
        if accounts.known.len() >= accounts.left * 2 + IDLE {
            accounts.known.retain(|_, account| Arc::strong_count(account) > 1);
            accounts.left = accounts.known.len();
        }
        let more = self.bounds.of_account.saturating_sub(1);
        let account = Arc::new(Account {
            own: Arc::new(Semaphore::new(1)),
            more: Arc::new(Semaphore::new(more)),
            queued: AtomicUsize::new(0),
        });
        accounts.known.insert(id.clone(), account.clone());
        account
    }
}

impl Queued {
    /// A place, if one is free now.
    pub(super) fn try_enter(&self) -> Option<Place> {
        if let Ok(own) = self.account.own.clone().try_acquire_owned() {
            return Some(Place { _own: own, _shared: None });
        }
        let own = self.account.more.clone().try_acquire_owned().ok()?;
        let shared = self.shared.clone().try_acquire_owned().ok()?;
        Some(Place { _own: own, _shared: Some(shared) })
    }

    /// Waits for a place; `None` never, since nobody closes a lane.
    pub(super) async fn enter(&self) -> Option<Place> {
        let own = self.account.own.clone().acquire_owned();
        let more = async {
            let own = self.account.more.clone().acquire_owned().await.ok()?;
            let shared = self.shared.clone().acquire_owned().await.ok()?;
            Some(Place { _own: own, _shared: Some(shared) })
        };
        tokio::select! {
            biased;
            own = own => own.ok().map(|own| Place { _own: own, _shared: None }),
            place = more => place,
        }
    }
}

impl Drop for Queued {
    fn drop(&mut self) {
        self.account.queued.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::{
        future::Future,
        pin::pin,
        task::{Context, Poll, Waker},
    };

    use super::*;

    fn id(name: &str) -> AccountId {
        name.parse().unwrap()
    }

    /// Polls once.
    fn now<T>(future: impl Future<Output = T>) -> Option<T> {
        match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(value) => Some(value),
            Poll::Pending => None,
        }
    }

    #[test]
    fn an_account_always_has_one_place_and_shares_the_others() {
        let lane = Lane::new(Bounds { shared: 3, of_account: 3 });
        let queued = |name: &str| lane.queue(&id(name), 100).unwrap();
        let (a, b, c) = (queued("a"), queued("b"), queued("c"));
        let of_a: Vec<_> = (0..5).map_while(|_| a.try_enter()).collect();
        assert_eq!(of_a.len(), 3, "no more than it may have");
        let of_b: Vec<_> = (0..5).map_while(|_| b.try_enter()).collect();
        assert_eq!(of_b.len(), 2, "its own, and the last that is shared");
        let of_c: Vec<_> = (0..5).map_while(|_| c.try_enter()).collect();
        assert_eq!(of_c.len(), 1, "its own, though nothing is shared any more");
        drop(of_a);
        assert!(c.try_enter().is_some(), "what was given back is for all");
    }

    #[test]
    fn whoever_waits_gets_the_next_place_and_nothing_is_lost_when_it_does_not() {
        let lane = Lane::new(Bounds { shared: 1, of_account: 2 });
        let queued = lane.queue(&id("a"), 100).unwrap();
        let (own, shared) = (queued.try_enter().unwrap(), queued.try_enter().unwrap());
        {
            let mut waiting = pin!(queued.enter());
            let mut context = Context::from_waker(Waker::noop());
            assert!(waiting.as_mut().poll(&mut context).is_pending());
            drop(own);
            assert!(waiting.as_mut().poll(&mut context).is_ready());
        }
        // One that gave up while it waited took nothing along.
        let held = queued.try_enter().unwrap();
        assert!(now(queued.enter()).is_none());
        drop((held, shared));
        let both = (queued.try_enter(), queued.try_enter());
        assert!(both.0.is_some() && both.1.is_some());
    }

    #[test]
    fn a_queue_has_an_end_for_each_account() {
        let lane = Lane::new(Bounds { shared: 1, of_account: 1 });
        let full: Vec<_> = (0..4).map_while(|_| lane.queue(&id("a"), 3)).collect();
        assert_eq!(full.len(), 3);
        assert!(lane.queue(&id("b"), 3).is_some(), "another account has its own");
        drop(full);
        assert!(lane.queue(&id("a"), 3).is_some());
    }

    #[test]
    fn accounts_without_anything_to_do_are_forgotten() {
        let lane = Lane::new(Bounds { shared: 1, of_account: 1 });
        let busy = lane.queue(&id("busy"), 1).unwrap();
        for number in 0..10 * IDLE {
            drop(lane.queue(&id(&format!("a{number}")), 1));
        }
        assert!(lane.accounts.lock().unwrap().known.len() <= 2 * IDLE + 2);
        assert!(lane.queue(&id("busy"), 1).is_none(), "one that has is not");
        drop(busy);
    }
}
