//! How connections end, and what follows: another one, later, never; or the end of the link to the account.
use std::time::Duration;

use whatsapp_store::Change;

use super::{
    CommandError, LinkAction, Reply, Request, RequestId, context::Context, link::Ended, reconnect::Recovery,
};
use crate::{
    binary::Node,
    event::{DisconnectReason, Event},
    stanza::{
        connection::{Failure, StreamError},
        iq,
    },
};

/// The pause after the server received too many requests.
const BUSY: Duration = Duration::from_secs(120);

impl Context {
    pub(super) fn on_failure(&mut self, failure: &Failure) {
        let reason = failure.into();
        match failure {
            Failure::LoggedOut | Failure::Banned => self.unlinked(reason),
            Failure::TemporaryBan { expire, .. } => {
                let pause = Duration::from_secs((*expire).max(60));
                self.end(reason, Recovery::CoolDown(pause));
            }
            Failure::TooManyRequests => self.end(reason, Recovery::CoolDown(BUSY)),
            failure if failure.is_passing() => self.end(reason, Recovery::Passing),
            _ => self.end(reason, Recovery::Terminal),
        }
    }

    pub(super) fn on_stream_error(&mut self, error: &StreamError) {
        let reason = error.into();
        match error {
            StreamError::Restart => self.end(reason, Recovery::Restart),
            StreamError::Unlinked => self.unlinked(reason),
            StreamError::Replaced => self.end(reason, Recovery::Terminal),
            StreamError::TooManyRequests => self.end(reason, Recovery::CoolDown(BUSY)),
            _ => self.end(reason, Recovery::Passing),
        }
    }

    /// The connection is over. This is the only code that decides what comes next; flows are told after the current stanza is
    /// handled.
    pub(super) fn end(&mut self, reason: DisconnectReason, recovery: Recovery) {
        if self.link.is_closed() {
            return;
        }
        let retry_at = self.link.reconnect.ended(self.now, recovery, &mut self.own.rng);
        self.link.close(retry_at);
        self.step.link = Some(LinkAction::Close);
        for request in self.link.requests.drain() {
            if let Request::PairCodeHello(request_id) | Request::LogOut(request_id) = request {
                self.reply(request_id, Reply::Failed(CommandError::NotConnected));
            }
        }
        self.tell(Event::Disconnected { reason, retry_at });
    }

    /// The server says that the account is no longer linked. The keys are kept for a while, since a server can be wrong.
    fn unlinked(&mut self, reason: DisconnectReason) {
        if self.own.device.jid.is_none() {
            return self.end(reason, Recovery::Passing);
        }
        // It cannot know: the device was linked elsewhere.
        if self.own.is_of_another_server() {
            return self.end(DisconnectReason::OtherServer, Recovery::Terminal);
        }
        let former = self.own.retire(self.now);
        self.change(Change::PutDevice(former));
        self.forget_account(reason);
    }

    /// The user logged out: the keys are of no use any more.
    fn logged_out(&mut self) {
        self.own.reset(self.now);
        self.change(Change::DeleteDevice);
        self.forget_account(DisconnectReason::LoggedOutByUser);
    }

    fn forget_account(&mut self, reason: DisconnectReason) {
        let told = Event::LoggedOut { reason: reason.to_string() };
        self.end(reason, Recovery::Terminal);
        self.loads.clear();
        self.link.ended = Some(Ended::Account);
        self.tell(told);
    }

    pub(super) fn stop(&mut self) {
        self.link.close(None);
        self.step.link = Some(LinkAction::Close);
    }

    pub(super) fn log_out(&mut self, request_id: RequestId) {
        let (Some(jid), true) = (self.own.device.jid.clone(), self.link.is_online()) else {
            let error = if self.own.device.jid.is_none() {
                CommandError::NotLinked
            } else {
                CommandError::NotConnected
            };
            return self.reply(request_id, Reply::Failed(error));
        };
        let remove = Node::new("remove-companion-device").attr("jid", &jid).attr("reason", "user_initiated");
        let node = iq::set("md").child(remove);
        self.request(node, Request::LogOut(request_id));
    }

    pub(super) fn on_logged_out_answer(&mut self, request_id: RequestId, error: Option<u32>) {
        let reply = match error {
            Some(code) => Reply::Failed(CommandError::Refused(code)),
            None => {
                self.logged_out();
                Reply::Done
            }
        };
        self.reply(request_id, reply);
    }
}
