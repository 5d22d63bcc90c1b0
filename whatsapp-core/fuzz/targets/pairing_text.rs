//! Texts that people scan and type: what is read is written so that it is read again as the same.
#![cfg_attr(fuzzing, no_main)]
use whatsapp_core::pairing::{code::PairCode, qr::QrCode};

#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|data: &[u8]| run(data));

#[cfg(not(fuzzing))]
#[allow(dead_code)]
fn main() {
    std::env::args_os().skip(1).for_each(|path| run(&std::fs::read(path).expect("a readable file")));
}

pub(crate) fn run(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Ok(code) = QrCode::parse(text) {
        assert!(QrCode::parse(&code.to_text()).expect("our own text") == code);
    }
    if let Ok(code) = PairCode::parse(text) {
        let shown = code.display();
        assert_eq!(PairCode::parse(&shown).expect("our own text").display(), shown);
    }
}
