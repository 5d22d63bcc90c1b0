//! Requests of clients, and their answers.
use super::{
    accounts::DeviceAddress,
    network::{ConnectionId, Network},
};
use crate::{
    binary::{Node, NodeRef},
    jid::Jid,
    time::Timestamp,
};

impl Network {
    /// A request of a linked device. Every request gets an answer; an unknown one gets an empty answer and
    /// is counted.
    pub(super) fn on_iq(
        &mut self,
        now: Timestamp,
        connection: ConnectionId,
        device: DeviceAddress,
        node: NodeRef<'_>,
    ) {
        let kind = node.attr_text("type").unwrap_or("get");
        if matches!(kind, "result" | "error") {
            return;
        }
        let Some(id) = node.attr_text("id") else { return self.record_unknown("<iq> without id") };
        if self.faults.drop_answers > 0 {
            self.faults.drop_answers -= 1;
            return;
        }
        if let Some(code) = self.refusal_of_request(node) {
            return self.answer(now, connection, id, Err(code));
        }
        let xmlns = node.attr_text("xmlns").unwrap_or_default();
        let child = node.children().next();
        let tag = child.map(NodeRef::tag).unwrap_or_default();
        let answer = match (xmlns, kind, tag) {
            ("encrypt", "get", "count") => self.count(device),
            ("encrypt", "set", "registration" | "identity" | "type" | "list") => {
                self.upload(now, device, node)
            }
            ("encrypt", "set", "rotate") => self.rotate(device, node),
            ("encrypt", "get", "key") => self.bundles(now, node),
            ("encrypt", "get", "digest") => self.digest(device),
            ("usync", _, _) => self.usync(now, device, node),
            ("passive", "set", "active") => {
                self.answer(now, connection, id, Ok(Vec::new()));
                return self.activate(now, device);
            }
            ("md", "set", "remove-companion-device") => {
                self.answer(now, connection, id, Ok(Vec::new()));
                return self.unlink(now, device);
            }
            ("w:g2", _, _) => self.on_group_request(now, device, node),
            ("w:sync:app:state", "set", _) => Ok(app_state(node)),
            ("privacy", "set", "tokens") => Ok(vec![Node::new("tokens")]),
            ("abt", _, _) => Ok(vec![Node::new("props")]),
            ("privacy", "get", _) => Ok(vec![privacy()]),
            ("blocklist", "get", _) => Ok(vec![Node::new("list")]),
            ("w:p" | "urn:xmpp:ping" | "passive" | "urn:xmpp:whatsapp:dirty", _, _) => Ok(Vec::new()),
            _ => {
                self.record_unknown(&format!("{kind} {xmlns} <{tag}>"));
                Ok(Vec::new())
            }
        };
        self.answer(now, connection, id, answer);
    }

    fn answer(&mut self, now: Timestamp, connection: ConnectionId, id: &str, answer: Result<Vec<Node>, u16>) {
        let node = Node::new("iq").attr("from", Jid::SERVICE).attr("id", id);
        let node = match answer {
            Ok(children) if children.is_empty() => node.attr("type", "result"),
            Ok(children) => node.attr("type", "result").children(children),
            Err(code) => node.attr("type", "error").child(Node::new("error").attr("code", code)),
        };
        self.send_over_faults(now, connection, node);
    }
}

/// All settings are open to everyone. Without this answer Baileys sends no read receipts.
fn privacy() -> Node {
    let names = ["readreceipts", "last", "online", "profile", "status", "groupadd", "calladd"];
    let category = |name: &str| Node::new("category").attr("name", name).attr("value", "all");
    Node::new("privacy").children(names.map(category))
}

fn app_state(node: NodeRef<'_>) -> Vec<Node> {
    let collections = node.child("sync").into_iter().flat_map(|sync| sync.children_named("collection"));
    let collections = collections.map(|collection| {
        Node::new("collection")
            .attr_opt("name", collection.attr("name").cloned())
            .attr("version", collection.attr_text("version").unwrap_or("0"))
            .attr("has_more_patches", "false")
    });
    vec![Node::new("sync").children(collections)]
}
