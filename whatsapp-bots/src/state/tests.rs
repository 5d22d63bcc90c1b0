use proptest::prelude::*;
use serde_json::json;

use super::*;

fn full() -> State {
    State {
        version: 7,
        seq: 300,
        steps: 12,
        flow: Some(1),
        frames: vec![Frame { node: 3, scope: 0, visit: false }, Frame { node: 200, scope: 1, visit: true }],
        scopes: vec![
            Vars(vec![(0, json!("Ana")), (4, json!({"a": [1, -2, 2.5, u64::MAX, null, true]}))]),
            Vars::default(),
        ],
        wait: Some(Wait {
            on: Waits::Result(9),
            until: Some(-1),
            attempt: 2,
            since: i64::MIN,
            refused: vec![7, u64::MAX],
        }),
        timer: Some(Timer { id: 8, at: i64::MAX }),
        paused: Some(5),
        heard_at: 1_800_000_000_000,
        sent_at: Some(1_800_000_000_001),
        unanswered: 300,
        quick: 3,
        done: Some(Done { outcome: "x".into(), at: 3 }),
        queue: VecDeque::from([Message::text("é")]),
    }
}

#[test]
fn it_is_read_as_it_was_written() {
    for state in [State::default(), full()] {
        let bytes = state.to_bytes();
        let again = State::from_bytes(&bytes).unwrap();
        assert!(again == state);
        assert_eq!(again.to_bytes(), bytes);
    }
    assert_eq!(State::from_bytes(&[9]), Err(StateError::Format(9)));
    assert_eq!(State::from_bytes(&[]), Err(StateError::Damaged));
}

#[test]
fn an_earlier_format_is_read() {
    let mut state = full();
    state.wait.as_mut().unwrap().refused.clear();
    let mut bytes = state.to_bytes();
    // The list of refused answers is empty there: one byte, behind the time since which it waits.
    let since = [&[0xff; 9][..], &[1]].concat();
    let place = bytes.windows(since.len()).rposition(|window| window == since).unwrap() + since.len();
    assert_eq!((bytes.remove(place), bytes[0]), (0, 2));
    bytes[0] = 1;
    assert!(State::from_bytes(&bytes).unwrap() == state);
}

#[test]
fn every_part_of_it_and_more_than_it_is_damaged() {
    let bytes = full().to_bytes();
    for end in 0..bytes.len() {
        assert!(State::from_bytes(&bytes[..end]).is_err(), "{end}");
    }
    assert_eq!(State::from_bytes(&[&bytes[..], &[0]].concat()), Err(StateError::Damaged));
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = State::from_bytes(&[&[1], &bytes[..]].concat());
        let _ = State::from_bytes(&[&[2], &bytes[..]].concat());
    }

    #[test]
    fn a_changed_byte_is_read_or_refused(place in 1usize..100, byte in any::<u8>()) {
        let mut bytes = full().to_bytes();
        let place = place % bytes.len();
        bytes[place] = byte;
        if let Ok(state) = State::from_bytes(&bytes) {
            let again = state.to_bytes();
            prop_assert!(State::from_bytes(&again).is_ok());
        }
    }
}
