//! Ids of messages that follow from something else: told twice, a message is sent once.

/// An id of the shape that WhatsApp's web clients give. FNV-1a, from two ends.
pub(crate) fn of(key: &str) -> String {
    let hash = |bytes: &mut dyn Iterator<Item = u8>| {
        bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
        })
    };
    let (forwards, backwards) = (hash(&mut key.bytes()), hash(&mut key.bytes().rev()));
    format!("3EB0{forwards:016X}{:02X}", backwards & 0xff)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_key_has_one_id_of_the_right_shape() {
        assert_eq!(of("A1"), of("A1"));
        assert_ne!(of("A1"), of("A2"));
        assert!(of("").len() == 22 && of("x").starts_with("3EB0"));
    }
}
