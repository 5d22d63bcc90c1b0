//! The devices that a message to a person goes to.
use crate::jid::Jid;

/// One device to encrypt for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Target {
    /// The device.
    pub jid: Jid,
    /// An own device, which gets a copy that names the destination.
    pub own: bool,
}

/// All devices of the recipient and all our others, in order and each once; never the sending one.
///
/// `own` is the sending device, in the namespace that the chat is addressed in.
pub fn fan_out(own: &Jid, destination: &Jid, theirs: &[u16], ours: &[u16]) -> Vec<Target> {
    let to_self = own.same_user(destination);
    let devices = |user: &Jid, numbers: &[u16], is_own: bool| {
        numbers
            .iter()
            .map(|number| Target { jid: user.with_device(*number), own: is_own })
            .collect::<Vec<_>>()
    };
    let mut targets = devices(own, ours, true);
    if !to_self {
        targets.extend(devices(destination, theirs, false));
    }
    targets.retain(|target| target.jid != *own);
    targets.sort();
    targets.dedup();
    targets
}
