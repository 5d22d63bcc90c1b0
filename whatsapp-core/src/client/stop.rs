//! How the driver is stopped, and how its waits end early then.
use std::{future::Future, pin::pin, time::Duration};

use tokio::{
    sync::watch,
    time::{Instant, timeout_at},
};

/// All work under way when the client is stopped must end within this time, or is abandoned. Less than a second,
/// so that [`super::Driver::run`] ends within one.
const GRACE: Duration = Duration::from_millis(900);

/// Asks the driver to stop. Dropping the last clone does as well.
pub(super) type StopSender = watch::Sender<bool>;

/// The driver's side.
#[derive(Debug)]
pub(super) struct Stop {
    signal: watch::Receiver<bool>,
    deadline: Option<Instant>,
}

/// The work under way when the client was stopped did not end in time.
#[derive(Clone, Copy, Debug)]
pub(super) struct Abandoned;

impl Stop {
    pub(super) fn new() -> (StopSender, Self) {
        let (sender, signal) = watch::channel(false);
        (sender, Self { signal, deadline: None })
    }

    /// Resolves when the client was stopped, or its last handle dropped. Returns the time when all work must have ended.
    pub(super) async fn asked(&mut self) -> Instant {
        if let Some(deadline) = self.deadline {
            return deadline;
        }
        // An error means that no handle is left.
        let _ = self.signal.wait_for(|stopped| *stopped).await;
        *self.deadline.insert(now() + GRACE)
    }

    /// Does work to its end, unless the client is stopped and the work takes too long then.
    pub(super) async fn unless_asked<T>(&mut self, work: impl Future<Output = T>) -> Result<T, Abandoned> {
        let mut work = pin!(work);
        tokio::select! {
            biased;
            done = &mut work => Ok(done),
            deadline = self.asked() => timeout_at(deadline, work).await.map_err(|_| Abandoned),
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "the shell is where time comes from")]
fn now() -> Instant {
    Instant::now()
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use tokio::time::sleep;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn work_continues_until_a_stop_and_shortly_after() {
        let (sender, mut stop) = Stop::new();
        assert_eq!(
            stop.unless_asked(async {
                sleep(Duration::from_secs(60)).await;
                1
            })
            .await
            .ok(),
            Some(1)
        );
        sender.send_replace(true);
        let start = now();
        assert_eq!(
            stop.unless_asked(async {
                sleep(GRACE / 2).await;
                2
            })
            .await
            .ok(),
            Some(2)
        );
        assert!(stop.unless_asked(pending::<()>()).await.is_err());
        assert_eq!(now() - start, GRACE, "one deadline for all that is under way");
    }

    #[tokio::test]
    async fn dropping_the_last_handle_stops() {
        let (sender, mut stop) = Stop::new();
        drop(sender.clone());
        drop(sender);
        stop.asked().await;
    }
}
