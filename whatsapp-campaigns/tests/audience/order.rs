//! Lanes, places and batches.
use whatsapp_campaigns::audience::{LaneSize, ListSource};

use super::*;

/// Different numbers in Germany.
fn numbers(count: u32) -> impl Iterator<Item = String> {
    (0..count).map(|number| format!("0151 2{number:07}"))
}

fn list(numbers: impl IntoIterator<Item = String>, lane: &(dyn Fn(&Recipient<'_>) -> i32 + Sync)) -> Frozen {
    let mapping = Mapping::list(consent()).region("DE".parse().unwrap());
    freeze_with(ListSource::new(numbers), mapping, lane, &Lists::default()).unwrap()
}

/// The number that an address was made of.
fn number(address: &str) -> u32 {
    address.strip_prefix("491512").unwrap().parse().unwrap()
}

#[test]
fn lanes_have_places_of_their_own() {
    let frozen = list(numbers(5_500), &|who| i32::from(number(who.address()).is_multiple_of(11)) - 7);
    let sizes = [LaneSize { lane: -7, rows: 5_000 }, LaneSize { lane: -6, rows: 500 }];
    assert_eq!(frozen.report.lanes, sizes);
    assert_eq!(sizes[1].places(), 1..501);
    let shapes: Vec<_> = frozen.batches.iter().map(|batch| (batch.lane, batch.first_seq)).collect();
    let firsts: Vec<_> =
        frozen.batches.iter().filter(|batch| batch.lane == -7).map(|batch| batch.rows.len()).collect();
    assert_eq!(firsts.iter().sum::<usize>(), 5_000, "{shapes:?}");
    for batch in &frozen.batches {
        assert!(
            batch.rows.iter().all(|row| i32::from(number(&row.address).is_multiple_of(11)) - 7 == batch.lane)
        );
        assert!(batch.rows.iter().all(|row| row.consent == "marketing/form:spring/1790000000000"));
    }
}

#[test]
fn the_first_rows_are_a_random_sample_and_the_same_every_time() {
    let frozen = list(numbers(10_000), &|_| 1);
    let first: Vec<_> = frozen.addresses().iter().take(1_000).map(|address| number(address)).collect();
    for tenth in 0..10 {
        let count = first.iter().filter(|number| **number / 1_000 == tenth).count();
        assert!((60..140).contains(&count), "{count} of part {tenth}");
    }
    let rising = first.windows(2).filter(|pair| pair[0] < pair[1]).count();
    assert!((400..600).contains(&rising), "{rising} of 999 rise");
    assert_eq!(frozen.addresses(), list(numbers(10_000), &|_| 1).addresses());
}

#[test]
fn many_buckets_are_one_order() {
    // Enough bytes for several buckets.
    let filler = "x".repeat(200);
    let text: String = numbers(20_000).map(|number| format!("{number},{filler}\n")).collect();
    let frozen = freeze_csv(format!("phone,name\n{text}").as_bytes()).unwrap();
    assert_eq!(frozen.addresses().into_iter().collect::<HashSet<_>>().len(), 20_000);
    assert!(frozen.rows().iter().all(|(_, row)| row["name"] == filler));
}

#[test]
fn a_lane_sees_country_and_variables() {
    let text = "phone,name\n015123456789,Ada\n+1 416 555 0123,Bob\n+39 06 12345678,\n";
    let lane = |who: &Recipient<'_>| match (
        who.region().map(|region| region.code().to_owned()),
        who.variable("name"),
    ) {
        (Some(code), Some(name)) if (code.as_str(), name.as_str()) == ("DE", "Ada") => 1,
        (Some(code), Some(name)) if (code.as_str(), name.as_str()) == ("CA", "Bob") => 2,
        (Some(code), None) if code == "IT" => 3,
        other => panic!("{other:?}"),
    };
    let frozen = freeze_with(CsvSource::new(text.as_bytes()), mapping(), &lane, &Lists::default()).unwrap();
    let lanes: Vec<_> = frozen.report.lanes.iter().map(|size| (size.lane, size.rows)).collect();
    assert_eq!(lanes, [(1, 1), (2, 1), (3, 1)]);
}

#[test]
fn there_may_be_nobody() {
    let frozen = list([], &|_| 0);
    assert_eq!((frozen.report.rows, frozen.batches.len(), frozen.report.lanes.len()), (0, 0, 0));
    assert_eq!(frozen.rejects, "");
}

#[test]
fn a_lane_for_everybody_is_refused() {
    let mapping = Mapping::list(consent()).region("DE".parse().unwrap());
    let lane = |who: &Recipient<'_>| i32::try_from(number(who.address())).unwrap();
    let result = freeze_with(ListSource::new(numbers(5_000)), mapping, &lane, &Lists::default());
    assert!(matches!(result, Err(AudienceError::TooManyLanes)));
}
