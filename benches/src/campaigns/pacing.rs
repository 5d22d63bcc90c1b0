//! How exactly a sender keeps its rate.
use tokio::runtime::Builder;
use whatsapp_campaigns::pacing::{Rate, SECOND};

use super::{Plan, ground::Ground, real, sender::Noting};
use crate::storage::{
    Result, files, machine,
    place::Place,
    table::{Table, count, or_none},
};

/// Messages in a second.
const RATE: u32 = 80;
const HOUR: u32 = 3_600;
const MINUTE: u32 = 60;
/// Messages at once that the sender may.
const BURSTS: [u32; 2] = [1, 3];

pub(super) fn all(plan: &Plan) -> Result<Table> {
    let mut table = Table::new(&[
        "pacing: time, database, burst",
        "messages",
        "per second",
        "error %",
        "burst seen",
        "in 1 s",
        "load",
    ]);
    for burst in BURSTS {
        let runtime = Builder::new_current_thread().enable_all().start_paused(true).build()?;
        let times = runtime.block_on(sent(&Place::Memory, HOUR * RATE, burst))?;
        table.lines.push(line(&format!("an hour, paused, memory, {burst}"), &times));
    }
    let files = files(&plan.folder)?;
    for burst in BURSTS {
        let place = Place::sqlite(&files.path().join(format!("pacing_{burst}.db")));
        let times = real(sent(&place, MINUTE * RATE, burst))?;
        table.lines.push(line(&format!("a minute, real, SQLite, {burst}"), &times));
    }
    table.notes.push(format!(
        "{RATE} a second are allowed. The error is that of the average from the first message to the last; what is below \
         the rate is negative.\n\"Burst seen\" is the smallest burst that allows what was seen in every window of any length; \"in 1 s\" \
         the most in any second.\nIn paused time the runner waits by tokio's clock, which is set to whatever is waited for."
    ));
    Ok(table)
}

/// When each message of a campaign was handed over, microseconds.
async fn sent(place: &Place, messages: u32, burst: u32) -> Result<Vec<i64>> {
    let ground = Ground::open(&place.address()).await?;
    ground.campaign("pacing", &["pacing"], messages).await?;
    let running = ground.runner(false);
    let sender = Noting::new(ground.beat.clone(), Rate::per(RATE, SECOND, burst));
    running.serve("pacing", sender.clone())?;
    ground.until(async || Ok(ground.sent("pacing").await? == u64::from(messages))).await?;
    running.end().await?;
    ground.store.close().await;
    Ok(sender.notes().iter().map(|note| note.at).collect())
}

fn line(name: &str, times: &[i64]) -> Vec<String> {
    let rate = per_second(times);
    vec![
        name.to_owned(),
        count(times.len() as f64),
        format!("{rate:.3}"),
        format!("{:+.3}", (rate / f64::from(RATE) - 1.0) * 100.0),
        format!("{:.2}", burst(times, 1e6 / f64::from(RATE))),
        most_within(times, 1_000_000).to_string(),
        or_none(machine::load()),
    ]
}

fn per_second(times: &[i64]) -> f64 {
    let (Some(first), Some(last)) = (times.first(), times.last()) else { return 0.0 };
    (times.len() - 1) as f64 * 1e6 / (last - first) as f64
}

/// The smallest burst with which no window, of whatever length, has more than its rate and the burst.
fn burst(times: &[i64], interval: f64) -> f64 {
    let (mut lowest, mut most) = (f64::INFINITY, 0.0_f64);
    for (place, at) in times.iter().enumerate() {
        let ahead = place as f64 - (at - times[0]) as f64 / interval;
        lowest = lowest.min(ahead);
        most = most.max(ahead - lowest + 1.0);
    }
    most
}

/// The most of them within so many microseconds.
fn most_within(times: &[i64], window: i64) -> usize {
    let mut first = 0;
    let inside = times.iter().enumerate().map(|(place, at)| {
        while at - times[first] >= window {
            first += 1;
        }
        place - first + 1
    });
    inside.max().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_is_seen_wherever_it_is() {
        let even: Vec<i64> = (0..1_000).map(|n| n * 12_500).collect();
        assert_eq!((burst(&even, 12_500.0), most_within(&even, 1_000_000)), (1.0, 80));
        assert_eq!(per_second(&even), 80.0);
        // Three at once after a rest, in the middle.
        let mut with_burst = even;
        with_burst[500] = with_burst[502];
        with_burst[501] = with_burst[502];
        assert_eq!((burst(&with_burst, 12_500.0), most_within(&with_burst, 1)), (3.0, 3));
    }
}
