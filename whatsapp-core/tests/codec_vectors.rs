//! Stanzas that other implementations encoded, and what our codec must make of them.
#![allow(clippy::unwrap_used)]
use bytes::{Bytes, BytesMut};
use compact_str::CompactString;
use data_encoding::HEXLOWER;
use serde_json::Value as Json;
use sha2::{Digest, Sha256};
use whatsapp_core::{
    binary::{Attr, Content, DecodeError, Node, Stanza, Value, encode, unpack},
    jid::Jid,
};

fn vectors() -> Vec<Json> {
    let text = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/codec/vectors.json"));
    serde_json::from_str(&text.unwrap()).unwrap()
}

fn node(json: &Json) -> Node {
    let attrs = json["attrs"].as_array().into_iter().flatten();
    Node {
        tag: json["tag"].as_str().unwrap().into(),
        attrs: attrs
            .map(|attr| Attr { key: attr[0].as_str().unwrap().into(), value: value(&attr[1]) })
            .collect(),
        content: content(&json["content"]),
    }
}

fn value(json: &Json) -> Value {
    if let Some(text) = json.as_str() {
        return Value::Text(text.into());
    }
    let text = json["jid"].as_str().unwrap();
    let mut jid: Jid = text.parse().unwrap();
    jid.integrator = json["integrator"].as_u64().unwrap_or(0) as u16;
    Value::Jid(jid)
}

fn content(json: &Json) -> Content {
    if json.is_null() {
        return Content::None;
    }
    if let Some(nodes) = json.as_array() {
        return Content::Nodes(nodes.iter().map(node).collect());
    }
    if let Some(tags) = json["tags"].as_array() {
        let tag = |tag: &Json| Node::with_tag(CompactString::from(tag.as_str().unwrap()));
        return Content::Nodes(tags.iter().map(tag).collect());
    }
    if let Some(text) = json["text"].as_str() {
        return Content::Text(text.into());
    }
    if let Some(count) = json["zeros"].as_u64() {
        return Content::Bytes(vec![0; count as usize].into());
    }
    Content::Bytes(hex(&json["hex"]).unwrap())
}

fn hex(json: &Json) -> Option<Bytes> {
    Some(HEXLOWER.decode(json.as_str()?.as_bytes()).unwrap().into())
}

#[test]
fn encodes_to_the_same_bytes() {
    let mut compared = 0;
    for vector in vectors() {
        let mut ours = BytesMut::new();
        encode(&node(&vector["node"]), &mut ours).unwrap();
        if let Some(theirs) = hex(&vector["hex"]) {
            assert_eq!(HEXLOWER.encode(&ours), HEXLOWER.encode(&theirs), "{}", vector["name"]);
        } else if let Some(digest) = vector["sha256"].as_str() {
            assert_eq!(HEXLOWER.encode(&Sha256::digest(&ours)), digest, "{}", vector["name"]);
        } else {
            continue;
        }
        compared += 1;
    }
    assert!(compared >= 28, "only {compared} vectors");
}

#[test]
fn decodes_to_the_same_stanza() {
    for vector in vectors() {
        let node = node(&vector["node"]);
        let bytes = hex(&vector["hex"]).or(hex(&vector["packed"])).unwrap_or_else(|| {
            let mut ours = BytesMut::new();
            encode(&node, &mut ours).unwrap();
            ours.freeze()
        });
        let decoded = unpack(bytes).unwrap();
        assert_eq!(decoded, Stanza::from(&node), "{}", vector["name"]);
    }
}

/// Each tag is read somewhere: with an undefined byte in its place, some vector fails just there.
#[test]
fn every_tag_is_covered() {
    const UNDEFINED: u8 = 240;
    let all: Vec<Bytes> = vectors().iter().filter_map(|vector| hex(&vector["hex"])).collect();
    // BINARY_32 (254) occurs only in a vector that is kept as a hash.
    for tag in (236..=239).chain(245..=253).chain([255]) {
        let fails = |bytes: &Bytes| {
            let changed = bytes.iter().map(|byte| if *byte == tag { UNDEFINED } else { *byte });
            unpack(changed.collect()) == Err(DecodeError::UnexpectedTag(UNDEFINED))
        };
        assert!(all.iter().any(fails), "tag {tag}");
    }
}
