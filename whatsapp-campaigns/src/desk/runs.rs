//! The runs of a recurring campaign: each is a campaign of its own, with the contacts of its day.
use whatsapp_store::{CampaignChange, CampaignRecord, CampaignState};

use super::{Desk, DeskError, Shown};
use crate::{
    model::{Document, Kept, Settings},
    window::{Millis, Schedule},
};

/// Who does it, in the audit log.
const ACTOR: &str = "schedule";

/// Makes the run of that time, takes its recipients in, and lets it go. To do so again has no further effect, however far it
/// came the last time.
pub(crate) async fn begin_run(desk: &Desk, parent: &CampaignRecord, at: Millis) -> Result<(), DeskError> {
    let document = Document::from_json(&parent.definition).map_err(|_| DeskError::Stored)?;
    let id = run_id(&parent.id, at);
    let shown = match desk.show(&id).await {
        Ok(shown) => shown,
        Err(DeskError::NotFound) => make(desk, parent, &document.settings, &id, at).await?,
        Err(error) => return Err(error),
    };
    if matches!(shown.record.state, CampaignState::Draft | CampaignState::Freezing) {
        let frozen = desk.freeze_contacts(&id, ACTOR).await?;
        desk.note_dry_run(&id).await?;
        match frozen.recipients {
            0 => drop(desk.cancel(&id, "no contact is eligible for this run", ACTOR).await?),
            _ => drop(desk.start(&id, ACTOR).await?),
        }
    }
    let mut document = document;
    document.kept.last_run = document.kept.last_run.max(Some(at));
    desk.commit(vec![CampaignChange::Put(desk.with(parent, &document)).into()]).await
}

async fn make(
    desk: &Desk,
    parent: &CampaignRecord,
    settings: &Settings,
    id: &str,
    at: Millis,
) -> Result<Shown, DeskError> {
    let mut settings = settings.clone();
    settings.timing.schedule = Schedule::Once { at };
    // That was decided for all runs.
    settings.needs_approval = false;
    let kept = Kept { key: Some(super::random_key()), run_of: Some(parent.id.clone()), ..Kept::default() };
    let record = desk.record(id, &parent.name, &Document { settings, kept });
    desk.commit(vec![CampaignChange::Put(record).into()]).await?;
    desk.show(id).await
}

/// The parent's id, and the time to the minute.
fn run_id(parent: &str, at: Millis) -> String {
    let minute: String =
        super::rfc3339(at).chars().filter(|c| c.is_ascii_digit() || *c == 'T').take(13).collect();
    format!("{parent}-{minute}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_is_called_by_its_minute() {
        assert_eq!(run_id("news", 1_790_000_000_000), "news-20260921T1413");
    }
}
