//! What happened, for whoever listens: numbered, and the last few thousand kept for those who come back.
//!
//! The memory is of this run: events that survive a restart come with the outbox.
use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
};

use serde::Serialize;
use serde_json::Value;
use tokio::sync::broadcast;

/// Events that are kept for those who come back.
const KEPT: usize = 4096;

/// One event, as it is told.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Told {
    /// Grows by one; names the event.
    pub event_id: u64,
    /// `message.received`, `session.connected`, …
    pub event: &'static str,
    /// RFC 3339, UTC.
    pub timestamp: String,
    /// Whose session.
    pub session_id: String,
    /// What happened.
    pub data: Value,
}

/// All events of this run.
#[derive(Clone, Debug)]
pub struct Events(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    kept: Mutex<(u64, VecDeque<Arc<Told>>)>,
    live: broadcast::Sender<Arc<Told>>,
}

impl Events {
    /// None yet; numbers start above `last`.
    pub fn after(last: u64) -> Self {
        let (live, _) = broadcast::channel(KEPT);
        Self(Arc::new(Inner { kept: Mutex::new((last, VecDeque::new())), live }))
    }

    /// None yet; numbers start above those of earlier runs, so that whoever comes back after a restart gets all of this run.
    pub fn of_this_run() -> Self {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        // Microseconds stay below 2^53, which is as far as JavaScript counts, and nobody tells a million events a second.
        Self::after(u64::try_from(since.as_micros()).unwrap_or_default())
    }

    /// Tells an event.
    pub fn tell(&self, session_id: &str, event: &'static str, data: Value) {
        let mut kept = self.0.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.0 += 1;
        let told = Arc::new(Told {
            event_id: kept.0,
            event,
            timestamp: rfc3339(std::time::SystemTime::now()),
            session_id: session_id.to_owned(),
            data,
        });
        if kept.1.len() == KEPT {
            kept.1.pop_front();
        }
        kept.1.push_back(told.clone());
        // Told under the lock, so that nobody misses one between the kept and the live ones. Nobody may be listening.
        let _ = self.0.live.send(told);
    }

    /// Those after `last` that are still kept, and all from now on. A number that was not given yet is not
    /// of this run: whoever brings it has seen nothing of it.
    pub fn listen(&self, last: Option<u64>) -> (Vec<Arc<Told>>, broadcast::Receiver<Arc<Told>>) {
        let kept = self.0.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let last = last.map(|last| if last > kept.0 { 0 } else { last });
        let missed = last.map(|last| kept.1.iter().filter(|told| told.event_id > last).cloned().collect());
        (missed.unwrap_or_default(), self.0.live.subscribe())
    }
}

/// `2026-11-24T09:30:00.123Z`.
pub fn rfc3339(time: std::time::SystemTime) -> String {
    let since = time.duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    let (days, second) = (since.as_secs() / 86_400, since.as_secs() % 86_400);
    // Days to civil date, as in the public-domain algorithm by Howard Hinnant.
    let shifted = days as i64 + 719_468;
    let (era, day_of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{:03}Z", since.subsec_millis())
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;

    #[test]
    fn times() {
        let at =
            |secs, millis| rfc3339(UNIX_EPOCH + Duration::from_secs(secs) + Duration::from_millis(millis));
        assert_eq!(at(0, 0), "1970-01-01T00:00:00.000Z");
        assert_eq!(at(951_782_400, 5), "2000-02-29T00:00:00.005Z");
        assert_eq!(at(1_795_512_600, 123), "2026-11-24T09:30:00.123Z");
    }

    #[test]
    fn those_who_come_back_miss_nothing() {
        let events = Events::after(0);
        (0..KEPT + 10).for_each(|n| events.tell("s", "x", n.into()));
        let (missed, mut live) = events.listen(Some(KEPT as u64));
        assert_eq!(
            missed.iter().map(|told| told.event_id).collect::<Vec<_>>(),
            (4097..=4106).collect::<Vec<u64>>()
        );
        assert!(events.listen(None).0.is_empty());
        events.tell("s", "x", Value::Null);
        assert_eq!(live.try_recv().unwrap().event_id, 4107);
        assert_eq!(events.listen(Some(0)).0.len(), KEPT);
        assert_eq!(
            events.listen(Some(9999)).0.len(),
            KEPT,
            "of another run, with the clock set back in between"
        );
    }
}
