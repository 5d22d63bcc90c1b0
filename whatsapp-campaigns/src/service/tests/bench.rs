use std::{
    io::Write,
    sync::{Arc, Mutex},
};

use whatsapp_store::{AuditQuery, AuditStore, Store, WorkspaceId, memory::MemoryStore};

use crate::{
    audience::{ConsentStamp, CsvSource},
    model::{Frozen, Settings},
    runner::Clock,
    service::{CampaignService, ServiceError, Upload},
    window::Millis,
};

pub(super) const START: Millis = 1_790_000_000_000;

/// Time that a test sets.
#[derive(Clone)]
pub(super) struct At(pub(super) Arc<Mutex<Millis>>);

impl Clock for At {
    fn now(&self) -> Millis {
        *self.0.lock().unwrap()
    }
}

pub(super) struct Bench {
    pub(super) store: Arc<MemoryStore>,
    pub(super) service: CampaignService,
    pub(super) clock: At,
}

/// A file that can be read after somebody wrote it.
#[derive(Clone, Default)]
pub(super) struct Shared(Arc<Mutex<Vec<u8>>>);

impl Shared {
    pub(super) fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

pub(super) const SETTINGS: &str = r#"{
    "senders": ["shop", "branch"],
    "content": {
        "category": "utility",
        "variables": {"name": {"type": "text", "missing": {"policy": "skip"}}},
        "variants": [{"name": "a", "content": {"type": "text", "text": "Hello {{ name }}"}}]
    },
    "timing": {"schedule": {"type": "once", "at": 1790000000000}, "quietHours": null}
}"#;

pub(super) fn settings() -> Settings {
    Settings::from_json(SETTINGS).unwrap()
}

pub(super) fn upload() -> Upload {
    Upload {
        region: Some("DE".parse().unwrap()),
        ..Upload::new(ConsentStamp::new("news", "form:shop", START - 1, "https://example.org/form").unwrap())
    }
}

impl Bench {
    pub(super) fn new() -> Self {
        let (store, clock) = (Arc::new(MemoryStore::new()), At(Arc::new(Mutex::new(START))));
        let dynamic: Arc<dyn Store> = store.clone();
        let service = CampaignService::with_clock(dynamic, WorkspaceId::default(), Arc::new(clock.clone()));
        Self { store, service, clock }
    }

    pub(super) async fn draft(&self, id: &str) {
        self.service.create(id, "Spring", settings(), "ana").await.unwrap();
    }

    pub(super) async fn upload(&self, id: &str, file: impl Into<Vec<u8>>) -> Result<Frozen, ServiceError> {
        self.upload_with(id, file, upload(), Shared::default()).await
    }

    pub(super) async fn upload_with(
        &self,
        id: &str,
        file: impl Into<Vec<u8>>,
        upload: Upload,
        rejects: Shared,
    ) -> Result<Frozen, ServiceError> {
        let file = std::io::Cursor::new(file.into());
        self.service.upload(id, CsvSource::new(file), upload, rejects, "ana").await
    }

    pub(super) async fn acts(&self) -> Vec<(String, String)> {
        let page =
            self.store.audit(&WorkspaceId::default(), &AuditQuery { limit: 100, ..Default::default() }).await;
        page.unwrap().entries.into_iter().rev().map(|entry| (entry.actor, entry.action)).collect()
    }
}

/// So many people with numbers of their own.
pub(super) fn people(count: u32) -> String {
    let mut file = "phone;name\n".to_owned();
    for n in 0..count {
        file.push_str(&format!("+49 151 {:08};Person {n}\n", 10_000_000 + n * 7));
    }
    file
}
