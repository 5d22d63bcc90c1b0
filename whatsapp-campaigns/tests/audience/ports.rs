//! Who must not be written to, and ports that fail.
use std::sync::atomic::{AtomicUsize, Ordering};

use whatsapp_campaigns::audience::ListSource;
use whatsapp_store::CampaignChange;

use super::*;

const NUMBERS: [&str; 6] =
    ["015123456781", "015123456782", "015123456783", "015123456784", "015123456782", "015123456781"];

fn set(addresses: &[&str]) -> HashSet<String> {
    addresses.iter().map(|address| (*address).to_owned()).collect()
}

fn list() -> Mapping {
    Mapping::list(consent()).region("DE".parse().unwrap())
}

#[test]
fn each_of_the_three_lists_keeps_somebody_out() {
    let lists = Lists {
        suppressed: set(&["4915123456781"]),
        // On two lists: the first one counts.
        withdrawn: set(&["4915123456781", "4915123456782", "4900000000000"]),
        excluded: set(&["4915123456783"]),
    };
    let frozen = freeze_with(ListSource::new(NUMBERS), list(), &|_| 0, &lists).unwrap();
    assert_eq!(frozen.addresses(), ["4915123456784"]);
    assert_eq!(frozen.reasons(), [("duplicate", 2), ("suppressed", 1), ("withdrawn", 1), ("excluded", 1)]);
    let mut lines = frozen.lines();
    lines.sort_unstable();
    assert_eq!(lines[0], "1,015123456781,suppressed,");
    assert_eq!(lines[1], "2,015123456782,withdrawn,");
    assert_eq!(lines[2], "3,015123456783,excluded,");
}

/// Fails when it is asked for the list of that number.
struct Broken(usize);

#[async_trait]
impl Screen for Broken {
    async fn suppressed(&self, _: &[String]) -> Result<HashSet<String>, PortError> {
        if self.0 == 0 { Err("no list".into()) } else { Ok(HashSet::new()) }
    }

    async fn withdrawn(&self, _: &[String], _: &ConsentStamp) -> Result<HashSet<String>, PortError> {
        if self.0 == 1 { Err("no list".into()) } else { Ok(HashSet::new()) }
    }

    async fn excluded(&self, _: &[String]) -> Result<HashSet<String>, PortError> {
        if self.0 == 2 { Err("no list".into()) } else { Ok(HashSet::new()) }
    }
}

#[tokio::test]
async fn without_an_answer_nobody_is_written_to() {
    for broken in 0..3 {
        let mut kept = Kept::default();
        let gathered = Freeze::new(list(), [7; 32]).gather(ListSource::new(NUMBERS)).unwrap();
        let result = gathered.hand_out(&|_| 0, &Broken(broken), &mut kept).await;
        assert!(matches!(result, Err(AudienceError::Screen(_))), "{result:?}");
        assert!(kept.0.is_empty());
    }
}

/// Takes so many batches.
struct Full(AtomicUsize);

#[async_trait]
impl Sink for Full {
    async fn add(&mut self, _: Batch) -> Result<(), PortError> {
        match self.0.fetch_sub(1, Ordering::Relaxed) {
            0 => Err("full".into()),
            _ => Ok(()),
        }
    }
}

#[tokio::test]
async fn a_sink_that_is_full_ends_it() {
    let numbers = (0..2_500).map(|number| format!("0151 2{number:07}"));
    let gathered = Freeze::new(list(), [7; 32]).gather(ListSource::new(numbers)).unwrap();
    let result = gathered.hand_out(&|_| 0, &Lists::default(), &mut Full(AtomicUsize::new(2))).await;
    assert!(matches!(result, Err(AudienceError::Sink(_))));
}

/// A file on a full disk.
struct NoRoom;

impl Write for NoRoom {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Err(io::ErrorKind::StorageFull.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn files_that_cannot_be_written_are_errors() {
    let result = Freeze::new(list(), [7; 32]).rejects_to(NoRoom).gather(ListSource::new(["no number"]));
    assert!(matches!(result, Err(AudienceError::Rejects(_))));
    let nowhere = Freeze::new(list(), [7; 32]).temporary_files_in("/nowhere/at/all");
    assert!(matches!(nowhere.gather(ListSource::new(NUMBERS)), Err(AudienceError::Temporary(_))));
}

#[test]
fn nothing_of_a_person_is_in_debug_and_a_batch_is_a_change() {
    let frozen = freeze_with(ListSource::new(NUMBERS), list(), &|_| 3, &Lists::default()).unwrap();
    let batch = frozen.batches[0].clone();
    assert!(!format!("{batch:?} {:?} {:?}", frozen.report, list()).contains("2345678"));
    match batch.change("spring") {
        CampaignChange::AddAudience(batch) => {
            assert_eq!(
                (batch.campaign.as_str(), batch.lane, batch.first_seq, batch.rows.len()),
                ("spring", 3, 1, 4)
            );
        }
        other => panic!("{other:?}"),
    }
}
