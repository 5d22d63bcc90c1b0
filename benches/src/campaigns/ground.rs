//! Campaigns to measure with, made as a person makes them, and runners at work.
use std::{
    io::{self, Cursor, Read},
    sync::Arc,
    time::Duration,
};

use tokio::{task::JoinHandle, time::sleep};
use whatsapp_campaigns::{
    audience::{ConsentStamp, CsvSource},
    model::Settings,
    runner::{Options, Runner, Sender},
    service::{CampaignService, Upload},
    window::Millis,
};
use whatsapp_store::{AccountId, RecipientState, Store, WorkspaceId};

use super::sender::Beat;
use crate::storage::Result;

/// Whoever does something here.
pub(super) const ACTOR: &str = "bench";
/// How often the store is asked whether something happened.
const PAUSE: Duration = Duration::from_millis(5);
/// Whoever takes longer is given up: an hour, and half of one.
const PATIENCE: i64 = 5_400_000_000;

/// A store, its campaigns, and the time.
#[derive(Clone)]
pub(super) struct Ground {
    pub(super) store: Arc<dyn Store>,
    pub(super) beat: Arc<Beat>,
    pub(super) service: CampaignService,
}

impl Ground {
    pub(super) fn new(store: Arc<dyn Store>) -> Self {
        let beat = Beat::new();
        let service = CampaignService::with_clock(store.clone(), WorkspaceId::default(), beat.clone());
        Self { store, beat, service }
    }

    pub(super) async fn open(address: &str) -> Result<Self> {
        Ok(Self::new(whatsapp_store::open(address).await?))
    }

    /// A campaign that is let go, from those senders to so many people. It begins at once.
    pub(super) async fn campaign(&self, id: &str, senders: &[&str], people: u32) -> Result<()> {
        self.draft(id, senders, people).await?;
        self.service.start(id, ACTOR).await?;
        Ok(())
    }

    /// A campaign that can be let go.
    pub(super) async fn draft(&self, id: &str, senders: &[&str], people: u32) -> Result<()> {
        self.service.create(id, id, settings(senders)?, ACTOR).await?;
        let file = Cursor::new("phone;name\n").chain(People::new(people));
        let frozen = self.service.upload(id, CsvSource::new(file), upload()?, io::sink(), ACTOR).await?;
        if frozen.recipients != u64::from(people) {
            return Err(format!("{} of {people} people were taken", frozen.recipients).into());
        }
        Ok(self.service.note_dry_run(id).await?)
    }

    /// A runner at work.
    pub(super) fn runner(&self, events: bool) -> Running {
        let options = Options { events, ..Options::new("bench") };
        let runner = Runner::with_clock(self.store.clone(), options, self.beat.clone());
        let task = tokio::spawn({
            let runner = runner.clone();
            async move { runner.run().await }
        });
        Running { runner, task }
    }

    /// How many are handed over, as it is stored.
    pub(super) async fn sent(&self, id: &str) -> Result<u64> {
        let counts = self.store.campaign_progress(&WorkspaceId::default(), id).await?;
        Ok(counts.of(RecipientState::Submitted))
    }

    /// Waits until something is so.
    pub(super) async fn until(&self, is_so: impl AsyncFn() -> Result<bool>) -> Result<()> {
        let begun = self.beat.since_epoch();
        while !is_so().await? {
            if self.beat.since_epoch() - begun > PATIENCE {
                return Err("it takes too long".into());
            }
            sleep(PAUSE).await;
        }
        Ok(())
    }
}

/// A runner whose loop runs in a task.
pub(super) struct Running {
    pub(super) runner: Runner,
    task: JoinHandle<()>,
}

impl Running {
    pub(super) fn serve(&self, sender: &str, with: Arc<dyn Sender>) -> Result<()> {
        self.runner.serve(account(sender)?, with);
        Ok(())
    }

    pub(super) async fn end(self) -> Result<()> {
        self.runner.shutdown().await;
        Ok(self.task.await?)
    }
}

fn account(name: &str) -> Result<AccountId> {
    Ok(name.parse()?)
}

/// What is sent: a greeting with a name, at any hour and without a first part.
pub(super) fn settings(senders: &[&str]) -> Result<Settings> {
    let senders: Vec<String> = senders.iter().map(|sender| format!("\"{sender}\"")).collect();
    let begun: Millis = 1_790_000_000_000;
    let json = format!(
        r#"{{"senders":[{}],"canary":null,"newConversations":true,
            "content":{{"category":"utility",
                "variables":{{"name":{{"type":"text","missing":{{"policy":"skip"}}}}}},
                "variants":[{{"name":"a","content":{{"type":"text","text":"Hello {{{{ name }}}}, we moved."}}}}]}},
            "timing":{{"schedule":{{"type":"once","at":{begun}}},"quietHours":null}}}}"#,
        senders.join(",")
    );
    Ok(Settings::from_json(&json)?)
}

/// What the columns of [`People`] mean.
pub(super) fn upload() -> Result<Upload> {
    let consent = ConsentStamp::new("news", "generated", 1_780_000_000_000, "made for this bench")?;
    Ok(Upload { region: Some("BR".parse()?), ..Upload::new(consent) })
}

/// Lines of a CSV without its header, made as they are read: each with a number of its own and a name.
pub(super) struct People {
    next: u32,
    count: u32,
    text: Vec<u8>,
    read: usize,
}

impl People {
    pub(super) const fn new(count: u32) -> Self {
        Self { next: 0, count, text: Vec::new(), read: 0 }
    }
}

impl Read for People {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        if self.read == self.text.len() {
            self.text.clear();
            self.read = 0;
            let until = self.next.saturating_add(1_000).min(self.count);
            for row in self.next..until {
                // Not in order, and each number once: 10^8 and the factor have no divisor in common.
                let digits = u64::from(row) * 48_271 % 100_000_000;
                let line = format!("(11) 9{:04}-{:04};Person {row}\n", digits / 10_000, digits % 10_000);
                self.text.extend(line.into_bytes());
            }
            self.next = until;
        }
        let length = bytes.len().min(self.text.len() - self.read);
        bytes[..length].copy_from_slice(&self.text[self.read..self.read + length]);
        self.read += length;
        Ok(length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_campaign_reaches_everybody() {
        let ground = Ground::open("memory:").await.unwrap();
        ground.campaign("all", &["a", "b"], 2_500).await.unwrap();
        let running = ground.runner(false);
        let sender = Arc::new(super::super::sender::Counting::default());
        running.serve("a", sender.clone()).unwrap();
        running.serve("b", sender.clone()).unwrap();
        ground.until(async || Ok(ground.sent("all").await? == 2_500)).await.unwrap();
        assert_eq!(sender.count(), 2_500, "each once");
        running.end().await.unwrap();
    }
}
