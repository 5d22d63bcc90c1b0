//! Answers to our requests, and requests that stay without one.
use super::{CommandError, Engine, Reply, Request, loads::Lookup, pre_keys};
use crate::{
    binary::NodeRef,
    stanza::{iq, prekeys},
};

impl Engine {
    /// The answer to our request. The request stays pending while a record must be loaded first.
    pub(super) fn on_reply(&mut self, id: &str, node: NodeRef<'_>) -> Lookup {
        let Some(request) = self.cx.link.requests.take(id) else { return Ok(()) };
        let error = match iq::parse_reply(node) {
            iq::IqReply::Error(code) => Some(code),
            iq::IqReply::Result(_) => None,
        };
        if let Some(code) = error {
            self.on_refused(request, code, node);
            return Ok(());
        }
        self.directory.changed();
        let handled = self.on_result(node, &request);
        if handled.is_err() {
            self.cx.link.requests.put_back(id, request, self.cx.now);
        }
        handled
    }

    fn on_result(&mut self, node: NodeRef<'_>, request: &Request) -> Lookup {
        let cx = &mut self.cx;
        match request {
            Request::PairCodeHello(request_id) => {
                self.pairing.on_pair_code_answer(cx, *request_id, node, None)
            }
            Request::LogOut(request_id) => cx.on_logged_out_answer(*request_id, None),
            Request::PreKeyCount => self.pre_keys.on_count(cx, node),
            Request::Digest => self.pre_keys.on_digest(cx, node)?,
            Request::Devices(asked) => self.directory.on_devices(cx, node, asked)?,
            Request::Bundles(asked) => self.directory.on_fetched_bundles(cx, node, asked)?,
            Request::ResendBundle(resend) => self.resends.on_bundle(cx, &mut self.directory, node, resend)?,
            Request::PreKeyUpload
            | Request::SignedPreKeyRotation
            | Request::Active
            | Request::Ping
            | Request::PairCodeFinish => {}
        }
        Ok(())
    }

    fn on_refused(&mut self, request: Request, code: u32, node: NodeRef<'_>) {
        let cx = &mut self.cx;
        match request {
            Request::PairCodeHello(request_id) => {
                self.pairing.on_pair_code_answer(cx, request_id, node, Some(code))
            }
            Request::LogOut(request_id) => cx.on_logged_out_answer(request_id, Some(code)),
            // The server does not know our prekeys at all.
            Request::Digest if code == iq::NOT_FOUND => self.pre_keys.upload(cx, pre_keys::FIRST_UPLOAD),
            request => {
                tracing::warn!(code, "the server refused a request");
                self.on_request_failed(request, Some(code));
            }
        }
    }

    /// A request was refused with a code, or got no answer in time.
    pub(super) fn on_request_failed(&mut self, request: Request, code: Option<u32>) {
        self.directory.changed();
        let cx = &mut self.cx;
        let now = cx.now;
        match request {
            Request::Devices(users) => self.directory.devices.refused(&users, code, now, &mut cx.own.rng),
            Request::Bundles(devices) => self.directory.bundles.refused(&devices, code, now, &mut cx.own.rng),
            Request::ResendBundle(resend) => self.resends.on_bundle_failed(cx, *resend),
            Request::PairCodeHello(request_id) | Request::LogOut(request_id) => {
                cx.reply(request_id, Reply::Failed(CommandError::TimedOut));
            }
            Request::SignedPreKeyRotation => self.pre_keys.on_rotation_failed(cx),
            // Without prekeys at the server, others could not write to us.
            Request::PreKeyCount | Request::PreKeyUpload if code.is_none() => {
                if cx.link.is_online() {
                    cx.request(prekeys::count_query(), Request::PreKeyCount);
                }
            }
            Request::PreKeyCount | Request::PreKeyUpload => self.pre_keys.on_upload_failed(cx),
            Request::Digest | Request::Active => {
                tracing::warn!(?request, "a request of the login was not answered");
            }
            Request::Ping | Request::PairCodeFinish => {}
        }
    }
}
