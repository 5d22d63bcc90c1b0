//! Ids of messages that follow from something else: told twice, a message is sent once.
use whatsapp_store::hash::fnv1a;

/// An id of the shape that WhatsApp's web clients give. FNV-1a, from two ends.
pub(crate) fn of(key: &str) -> String {
    let (forwards, backwards) = (fnv1a(key.bytes()), fnv1a(key.bytes().rev()));
    format!("3EB0{forwards:016X}{:02X}", backwards & 0xff)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_key_has_one_id_of_the_right_shape() {
        assert_eq!(of("A1"), "3EB009089307B5A13D8727", "the same in every version");
        assert_ne!(of("A1"), of("A2"));
        assert!(of("").len() == 22 && of("x").starts_with("3EB0"));
    }
}
