use proptest::prelude::*;
use prost::Message as _;
use rand::{SeedableRng, rngs::StdRng};
use whatsapp_store::{Button, Content, ListRow, ListSection};

use super::*;
use crate::{jid::Jid, proto::message as proto, time::Timestamp};

#[test]
fn contents_survive_the_wire() {
    let mut rng = StdRng::seed_from_u64(1);
    let contents = [
        Content::text("hello"),
        Content::Location { latitude: 1.5, longitude: -2.5, name: Some("x".into()), address: None },
        Content::Contact { name: "Ann".into(), vcard: "BEGIN:VCARD".into() },
        Content::Poll { question: "?".into(), options: vec!["a".into(), "b".into()], selectable: 1 },
        Content::Buttons {
            text: "?".into(),
            footer: Some("f".into()),
            buttons: vec![Button { id: "a".into(), title: "A".into() }],
        },
        Content::List {
            text: "?".into(),
            footer: None,
            button: "Open".into(),
            sections: vec![ListSection {
                title: None,
                rows: vec![ListRow { id: "r".into(), title: "R".into(), description: Some("d".into()) }],
            }],
        },
    ];
    for content in contents {
        let message = content::to_proto(&content, &mut rng).unwrap();
        assert_eq!(message.message_context_info.as_ref().unwrap().message_secret.as_ref().unwrap().len(), 32);
        let copy = device_sent::wrap(&Jid::lid("7"), message).encode_to_vec();
        let (destination, message) = device_sent::unwrap(proto::Message::decode(&copy[..]).unwrap());
        assert_eq!(
            (destination.as_deref(), content::from_proto(&message, &message.encode_to_vec())),
            (Some("7@lid"), Some(content))
        );
    }
}

#[test]
fn a_copy_whose_context_is_outside_keeps_it() {
    let context = proto::MessageContextInfo { message_secret: Some(vec![7; 32].into()) };
    let inner = proto::Message { conversation: Some("hi".into()), ..Default::default() };
    let mut copy = device_sent::wrap(&Jid::lid("7"), inner);
    copy.message_context_info = Some(context.clone());
    let (_, message) = device_sent::unwrap(copy);
    assert!(message.message_context_info == Some(context));
}

#[test]
fn envelopes_are_opened_and_unknown_kinds_shown() {
    let inner = proto::Message { conversation: Some("deep".into()), ..Default::default() };
    let wrapped = proto::Wrapped { message: Some(Box::new(inner)) };
    let message = proto::Message { ephemeral_message: Some(Box::new(wrapped)), ..Default::default() };
    assert_eq!(content::from_proto(&message, &message.encode_to_vec()), Some(Content::text("deep")));
    let nothing = proto::Message::default();
    assert_eq!(content::from_proto(&nothing, &[]), None);
    let unknown = content::from_proto(&nothing, &[0xc2, 0x0c, 1, 7]);
    assert_eq!(unknown, Some(Content::Unsupported { kind: "unknown".into() }));
    let event = proto::Message { event_message: Some(proto::Opaque {}), ..Default::default() };
    let wrapped = proto::Wrapped { message: Some(Box::new(event)) };
    let once =
        proto::Message { view_once_message_v2_extension: Some(Box::new(wrapped)), ..Default::default() };
    assert_eq!(
        content::from_proto(&once, &once.encode_to_vec()),
        Some(Content::Unsupported { kind: "event_message".into() })
    );
    let keys = proto::Message {
        sender_key_distribution_message: Some(proto::SenderKeyDistribution::default()),
        ..Default::default()
    };
    assert_eq!(content::from_proto(&keys, &keys.encode_to_vec()), None);
    let protocol = proto::Message { protocol_message: Some(Box::default()), ..Default::default() };
    assert_eq!(content::from_proto(&protocol, &protocol.encode_to_vec()), None);
}

#[test]
fn fan_out_reaches_everybody_but_the_sender() {
    let (own, other) = (Jid::lid("1").with_device(3), Jid::lid("2"));
    let text = |targets: Vec<plan::Target>| {
        targets.iter().map(|t| format!("{}{}", t.jid, if t.own { "*" } else { "" })).collect::<Vec<_>>()
    };
    let targets = plan::fan_out(&own, &other, &[0, 5, 5], &[0, 3, 4]);
    assert_eq!(text(targets), ["1@lid*", "1:4@lid*", "2@lid", "2:5@lid"]);
    let to_self = plan::fan_out(&own, &own.to_non_device(), &[0, 3], &[0, 3]);
    assert_eq!(text(to_self), ["1@lid*"]);
}

#[test]
fn ids_have_the_known_form() {
    let id = id::generate(Timestamp::from_secs(1), &Jid::pn("49"), &mut StdRng::seed_from_u64(1));
    assert!(id.len() == 22 && id.starts_with("3EB0"), "{id}");
}

proptest! {
    #[test]
    fn padding_comes_off(plaintext in prop::collection::vec(any::<u8>(), 0..80), seed in any::<u64>()) {
        let padded = padding::pad(&plaintext, &mut StdRng::seed_from_u64(seed));
        prop_assert_eq!(padding::unpad(&padded), Ok(&plaintext[..]));
        let mut bad = padded.clone();
        let at = bad.len() - 1;
        bad[at] = 17;
        prop_assert!(padding::unpad(&bad).is_err());
        let _ = padding::unpad(&plaintext);
    }
}
