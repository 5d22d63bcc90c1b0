//! What a socket brings, cut as the first byte says: the same frames come out as from one piece, and nothing is held
//! that was not brought.
#![cfg_attr(fuzzing, no_main)]
use bytes::Bytes;
use whatsapp_core::noise::FrameReader;

#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|data: &[u8]| run(data));

#[cfg(not(fuzzing))]
#[allow(dead_code)]
fn main() {
    std::env::args_os().skip(1).for_each(|path| run(&std::fs::read(path).expect("a readable file")));
}

pub(crate) fn run(data: &[u8]) {
    let Some((step, wire)) = data.split_first() else { return };
    let step = usize::from(*step).max(1);
    let mut pieces = FrameReader::default();
    let mut got = Vec::new();
    for piece in wire.chunks(step) {
        pieces.push(Bytes::copy_from_slice(piece)).expect("a short message");
        while let Some(frame) = pieces.next().expect("every length is valid") {
            got.push(frame);
        }
    }
    let mut whole = FrameReader::default();
    whole.push(Bytes::copy_from_slice(wire)).expect("a short message");
    for frame in &got {
        assert_eq!(whole.next().expect("every length is valid").as_ref(), Some(frame));
    }
    assert_eq!(whole.next(), Ok(None));
    assert!(got.iter().map(|frame| frame.len() + 3).sum::<usize>() <= wire.len());
}
