//! The queue of events between the driver and their reader.
//!
//! The driver never waits for the reader. Its work depends on how many events are unread:
//!
//! ```text
//!   Room       everything
//!   Full       reads from the socket only for a login, or when a command waits for the server's answer
//!   Overfull   reads nothing, opens no connection, and refuses commands
//! ```
//! Stopping, timers, pings and writing continue at every level.
use std::{
    collections::VecDeque,
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::Notify;

use crate::event::Event;

/// Events that may wait before the driver stops reading from the socket.
pub(super) const CAPACITY: usize = 1024;
/// Bytes that waiting events may have before the driver stops reading from the socket.
const CAPACITY_BYTES: usize = 4 << 20;
/// With this many events above the capacity, or at twice the bytes, the driver refuses commands too.
const SPARE: usize = 1024;

/// How much is unread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Level {
    Room,
    Full,
    Overfull,
}

#[derive(Debug)]
struct Queue {
    state: Mutex<State>,
    /// There is something to read, or never will be again.
    readable: Notify,
    /// Something was read, or the reader is gone.
    read: Notify,
}

#[derive(Debug)]
struct State {
    events: VecDeque<(Event, usize)>,
    bytes: usize,
    capacity: usize,
    reader_gone: bool,
    driver_gone: bool,
}

/// The driver's side.
#[derive(Debug)]
pub(super) struct EventSender(Arc<Queue>);

/// Reads one account's events, in order.
///
/// Read them: while 1,024 of them or 4 MiB are unread, nothing is read from the server. You may await commands between
/// two events. But each may cause an event, and once 2,048 or 8 MiB are unread, commands fail with
/// [`Error::EventsUnread`](crate::Error::EventsUnread). If you do not want events, drop this: the client continues without.
#[derive(Debug)]
pub struct Events(Arc<Queue>);

pub(super) fn queue() -> (EventSender, Events) {
    let state = State {
        events: VecDeque::new(),
        bytes: 0,
        capacity: CAPACITY,
        reader_gone: false,
        driver_gone: false,
    };
    let queue = Arc::new(Queue { state: Mutex::new(state), readable: Notify::new(), read: Notify::new() });
    (EventSender(queue.clone()), Events(queue))
}

impl Queue {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn level(&self) -> Level {
        let count = self.events.len();
        if count >= self.capacity + SPARE || self.bytes >= 2 * CAPACITY_BYTES {
            Level::Overfull
        } else if count >= self.capacity || self.bytes >= CAPACITY_BYTES {
            Level::Full
        } else {
            Level::Room
        }
    }
}

impl EventSender {
    /// Adds an event. Never waits: the driver stops making events while too many are unread.
    pub(super) fn push(&self, event: Event) {
        let mut state = self.0.state();
        if state.reader_gone {
            return;
        }
        let size = size(&event);
        state.bytes += size;
        state.events.push_back((event, size));
        drop(state);
        self.0.readable.notify_one();
    }

    pub(super) fn level(&self) -> Level {
        self.0.state().level()
    }

    pub(super) fn set_capacity(&self, capacity: usize) {
        self.0.state().capacity = capacity.max(1);
    }

    /// Resolves when less waits than at `level`.
    pub(super) async fn below(&self, level: Level) {
        loop {
            // A permit is kept if something is read between the look and the waiting.
            let read = self.0.read.notified();
            if self.level() != level {
                return;
            }
            read.await;
        }
    }
}

impl Drop for EventSender {
    fn drop(&mut self) {
        self.0.state().driver_gone = true;
        self.0.readable.notify_one();
    }
}

impl Events {
    /// The next event; `None` when the driver ended. Dropping the future loses nothing.
    pub async fn next(&mut self) -> Option<Event> {
        loop {
            let readable = self.0.readable.notified();
            {
                let mut state = self.0.state();
                if let Some((event, size)) = state.events.pop_front() {
                    state.bytes -= size;
                    drop(state);
                    self.0.read.notify_one();
                    return Some(event);
                }
                if state.driver_gone {
                    return None;
                }
            }
            readable.await;
        }
    }
}

impl Drop for Events {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.reader_gone = true;
        state.bytes = 0;
        let unread = std::mem::take(&mut state.events);
        drop(state);
        drop(unread);
        self.0.read.notify_one();
    }
}

/// The approximate size of an event: for a message, its length as JSON.
fn size(event: &Event) -> usize {
    let Event::Message(message) = event else { return size_of::<Event>() };
    let mut counted = Counted(size_of::<Event>() + size_of_val(&**message));
    // Counting does not fail. A record that cannot be written was never read.
    let _ = serde_json::to_writer(&mut counted, message);
    counted.0
}

struct Counted(usize);

impl io::Write for Counted {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use whatsapp_store::{Content, MessageKey, MessageRecord, MessageStatus, Source};

    use super::*;

    fn numbered(count: u32) -> Event {
        Event::OfflineDone { count }
    }

    fn long() -> Event {
        let id = "3EB0".to_owned();
        Event::Message(Box::new(MessageRecord {
            key: MessageKey { chat: "1@s.whatsapp.net".into(), sender: "1@s.whatsapp.net".into(), id },
            from_me: false,
            timestamp: 0,
            content: Content::text("x".repeat(1 << 20)),
            edited_at: None,
            status: MessageStatus::Delivered,
            source: Source::Live,
            push_name: None,
            quoted: None,
            media: None,
        }))
    }

    #[tokio::test]
    async fn events_stay_in_order_and_levels_follow() {
        let (sender, mut events) = queue();
        sender.set_capacity(2);
        (0..2).for_each(|number| sender.push(numbered(number)));
        assert_eq!(sender.level(), Level::Full);
        (2..2 + SPARE as u32).for_each(|number| sender.push(numbered(number)));
        assert_eq!(sender.level(), Level::Overfull);
        for number in 0..2 + SPARE as u32 {
            assert_eq!(events.next().await, Some(numbered(number)));
        }
        assert_eq!(sender.level(), Level::Room);
        sender.push(numbered(7));
        drop(sender);
        assert_eq!((events.next().await, events.next().await), (Some(numbered(7)), None));
    }

    #[tokio::test]
    async fn levels_count_bytes() {
        let (sender, mut events) = queue();
        (0..4).for_each(|_| sender.push(long()));
        assert_eq!(sender.level(), Level::Full);
        (0..4).for_each(|_| sender.push(long()));
        assert_eq!(sender.level(), Level::Overfull);
        for _ in 0..8 {
            events.next().await;
        }
        assert_eq!(sender.level(), Level::Room);
        assert_eq!(sender.0.state().bytes, 0);
    }

    #[tokio::test]
    async fn a_driver_that_waits_for_the_reader_wakes_up() {
        let (sender, mut events) = queue();
        sender.set_capacity(1);
        sender.push(numbered(1));
        let (event, ()) = tokio::join!(events.next(), sender.below(Level::Full));
        assert_eq!(event, Some(numbered(1)));
        sender.push(numbered(2));
        tokio::join!(async { drop(events) }, sender.below(Level::Full));
        sender.push(numbered(3));
        assert_eq!(sender.level(), Level::Room, "nobody reads: nothing waits");
    }
}
