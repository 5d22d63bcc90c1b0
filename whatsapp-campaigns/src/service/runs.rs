//! The runs of a recurring campaign: each is a campaign of its own, with the contacts of its day.
use whatsapp_store::{CampaignChange, CampaignRecord, CampaignState};

use super::{CampaignService, CampaignView, ServiceError, is_conflict};
use crate::{
    changes::expect,
    model::{Document, Settings, StoredCampaign},
    window::{Millis, Schedule},
};

/// Who does it, in the audit log.
const ACTOR: &str = "schedule";
/// Others that change a campaign at the same time are few.
const TRIES: u32 = 10;

/// Makes the run of that time, takes its recipients in, and lets it go. To do so again has no further effect, however far it
/// came the last time.
pub(crate) async fn begin_run(
    service: &CampaignService,
    parent: &CampaignRecord,
    at: Millis,
) -> Result<(), ServiceError> {
    let document = Document::from_json(&parent.definition).map_err(|_| ServiceError::Stored)?;
    let id = run_id(&parent.id, at);
    let shown = match service.show(&id).await {
        Ok(shown) => shown,
        Err(ServiceError::NotFound) => make(service, parent, &document.settings, &id, at).await?,
        Err(error) => return Err(error),
    };
    if matches!(shown.record.state, CampaignState::Draft | CampaignState::Freezing) {
        let frozen = service.freeze_contacts(&id, ACTOR).await?;
        service.note_dry_run(&id).await?;
        match frozen.recipients {
            0 => drop(service.cancel(&id, "no contact is eligible for this run", ACTOR).await?),
            _ => drop(service.start(&id, ACTOR).await?),
        }
    }
    note_run(service, &parent.id, at).await
}

/// Notes at the parent that the run of that time began. It may have been changed since it was read.
async fn note_run(service: &CampaignService, parent: &str, at: Millis) -> Result<(), ServiceError> {
    for _ in 0..TRIES {
        let CampaignView { record, mut document } = service.show(parent).await?;
        document.kept.last_run = document.kept.last_run.max(Some(at));
        let put = CampaignChange::Put(service.with(&record, &document)).into();
        match service.commit(vec![expect(&record), put]).await {
            Err(ServiceError::Store(error)) if is_conflict(&error) => {}
            outcome => return outcome,
        }
    }
    // Tried again with the next look at what is due.
    Err(ServiceError::Internal)
}

async fn make(
    service: &CampaignService,
    parent: &CampaignRecord,
    settings: &Settings,
    id: &str,
    at: Millis,
) -> Result<CampaignView, ServiceError> {
    let mut settings = settings.clone();
    settings.timing.schedule = Schedule::Once { at };
    // That was decided for all runs.
    settings.needs_approval = false;
    let kept = StoredCampaign {
        key: Some(super::random_key()),
        run_of: Some(parent.id.clone()),
        ..StoredCampaign::default()
    };
    let record = service.record(id, &parent.name, &Document { settings, kept });
    let absent = CampaignChange::Expect { campaign: id.to_owned(), updated_at: None };
    service.commit(vec![absent.into(), CampaignChange::Put(record).into()]).await?;
    service.show(id).await
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
