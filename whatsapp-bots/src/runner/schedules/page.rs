//! Those whom a time is for, page by page.
use whatsapp_store::{
    AccountId, AudienceFilter, ContactRecord, DesiredState, Error as StoreError, ObservedState,
    SessionRecord, WorkspaceId,
};

use super::{super::Shared, progress::Run};
use crate::Schedule;

/// Contacts read at once.
const PAGE: u32 = 50;

/// A page of contacts.
pub(super) struct Page {
    /// The time that it is about.
    pub(super) due: i64,
    /// Those who were not written to yet.
    pub(super) waiting: Vec<Candidate>,
    /// The last contact of the page; `None` when it is the last page.
    pub(super) end: Option<String>,
}

/// Somebody to write to.
pub(super) struct Candidate {
    /// The session that writes.
    pub(super) account: AccountId,
    /// The chat's address.
    pub(super) chat: String,
    /// What the contact is called.
    pub(super) name: String,
    /// The contact before this one: up to there all is done when this one is the first that waits.
    pub(super) behind: Option<String>,
}

impl Page {
    /// Contacts behind `after` whose consent covers the schedule, who did not take that back, and have chatted with a session that runs.
    pub(super) async fn load(
        shared: &Shared,
        workspace: &WorkspaceId,
        schedule: &Schedule,
        run: &Run,
    ) -> Result<Self, StoreError> {
        let after = run.after.as_deref();
        let mut sessions = shared.store.sessions(workspace).await?;
        sessions.retain(|session| {
            let is_meant = |meant: &str| meant == session.id.name() || meant == session.id.to_string();
            let is_linked =
                session.observed.as_ref().is_none_or(|observed| observed.state != ObservedState::LoggedOut);
            session.desired == DesiredState::Running && is_linked && schedule.session().is_none_or(is_meant)
        });
        let contacts = shared.store.audience_page(workspace, &filter(schedule), after, PAGE).await?;
        let end = contacts.last().filter(|_| contacts.len() >= PAGE as usize);
        let end = end.map(|contact| contact.id.clone());
        let (mut waiting, mut behind) = (Vec::new(), after.map(str::to_owned));
        for contact in contacts {
            let id = contact.id.clone();
            let consent = contact.consent.as_ref().filter(|_| contact.opted_out_at.is_none());
            let has_agreed = consent.is_some_and(|consent| consent.covers(schedule.scope()));
            if has_agreed && let Some((account, chat)) = last_chat(shared, &sessions, &contact).await? {
                waiting.push(Candidate { account, chat, name: contact.name, behind: behind.clone() });
            }
            behind = Some(id);
        }
        Ok(Self { due: run.due, waiting, end })
    }
}

/// Suppressed addresses and opt-outs are left out by the store.
fn filter(schedule: &Schedule) -> AudienceFilter {
    let tags = schedule.tags().iter().cloned().collect();
    match schedule.tags() {
        // That goes by an index.
        [_] => AudienceFilter { all_tags: tags, ..AudienceFilter::default() },
        _ => AudienceFilter { any_tags: tags, ..AudienceFilter::default() },
    }
}

/// The session and the chat in which there was a message last.
async fn last_chat(
    shared: &Shared,
    sessions: &[SessionRecord],
    contact: &ContactRecord,
) -> Result<Option<(AccountId, String)>, StoreError> {
    let of_phone = contact.phone.as_deref().map(|phone| shared.outlet.chat_with(phone));
    let mut found: Option<(i64, AccountId, String)> = None;
    for chat in of_phone.into_iter().chain(contact.lid.clone()) {
        for session in sessions {
            let Some(stored) = shared.store.chat(&session.id, &chat).await? else { continue };
            // One that was only named has no message.
            if stored.last_at > found.as_ref().map_or(0, |(at, ..)| *at) {
                found = Some((stored.last_at, session.id.clone(), chat.clone()));
            }
        }
    }
    Ok(found.map(|(_, account, chat)| (account, chat)))
}
