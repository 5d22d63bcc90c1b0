//! `wacore-binary`.
use wacore_binary::{
    Jid, Node,
    builder::NodeBuilder,
    marshal::{marshal_to_vec, unmarshal_ref},
};
use whatsapp_core::binary::{Content, Node as OurNode, Value};

use crate::{Run, codec::encoded, repeat};

fn leak(text: &str) -> &'static str {
    Box::leak(text.to_owned().into_boxed_str())
}

/// The same stanza in the peer's form.
fn convert(node: &OurNode) -> Node {
    let mut builder = NodeBuilder::new(leak(&node.tag));
    for attr in &node.attrs {
        let key = leak(&attr.key);
        builder = match &attr.value {
            Value::Text(text) => builder.attr(key, text.as_str()),
            Value::Jid(jid) if jid.user.is_empty() => builder.attr(key, jid.server.as_str()),
            Value::Jid(jid) => builder.attr(key, jid.to_string().parse::<Jid>().expect("an address")),
        };
    }
    match &node.content {
        Content::None => builder,
        Content::Bytes(bytes) => builder.bytes(bytes.to_vec()),
        Content::Text(text) => builder.string_content(text.as_str()),
        Content::Nodes(nodes) => builder.children(nodes.iter().map(convert)),
    }
    .build()
}

/// Into a buffer that is used again, as ours.
pub(crate) fn encoding(node: &OurNode) -> Run {
    let node = convert(node);
    let mut out = Vec::with_capacity(1 << 17);
    Box::new(move |times| {
        repeat(times, || {
            out.clear();
            marshal_to_vec(&node, &mut out).expect("it has a binary form");
            out.len()
        })
    })
}

/// The borrowed form, which is the peer's fastest, of the very bytes that ours reads.
pub(crate) fn decoding(node: &OurNode) -> Run {
    let bytes = encoded(node);
    Box::new(move |times| {
        repeat(times, || drop(std::hint::black_box(unmarshal_ref(&bytes).expect("encoded"))))
    })
}
