//! Stored messages: the status of each, and for the current step the messages themselves.
use std::collections::HashMap;

use whatsapp_store::{MessageEdit, MessageKey, MessageRecord, MessageStatus};

use super::known::Known;

#[derive(Debug)]
pub(super) struct Messages {
    statuses: Known<MessageKey, MessageStatus>,
    /// As the store will have them once the current step is committed. Whole messages are large and seldom needed twice.
    records: HashMap<MessageKey, Option<MessageRecord>>,
}

impl Messages {
    pub(super) fn new(capacity: usize) -> Self {
        Self { statuses: Known::new(capacity), records: HashMap::new() }
    }

    pub(super) fn answer_status(&mut self, key: MessageKey, status: Option<MessageStatus>) {
        self.statuses.answer(key, status);
    }

    pub(super) fn answer(&mut self, key: MessageKey, record: Option<MessageRecord>) {
        self.statuses.answer(key.clone(), record.as_ref().map(|record| record.status));
        self.records.entry(key).or_insert(record);
    }

    /// `None` when it is not known.
    pub(super) fn status(&mut self, key: &MessageKey) -> Option<Option<MessageStatus>> {
        self.statuses.contains(key).then(|| self.statuses.get(key).copied())
    }

    /// `None` when it is not known.
    pub(super) fn record(&mut self, key: &MessageKey) -> Option<Option<MessageRecord>> {
        let mut record = self.records.get(key)?.clone();
        // Receipts only raise the status.
        if let (Some(record), Some(status)) = (&mut record, self.statuses.get(key))
            && record.status.rises_to(*status)
        {
            record.status = *status;
        }
        Some(record)
    }

    pub(super) fn put(&mut self, record: &MessageRecord) {
        self.statuses.put(record.key.clone(), Some(record.status));
        self.records.insert(record.key.clone(), Some(record.clone()));
    }

    pub(super) fn put_status(&mut self, key: MessageKey, status: MessageStatus) {
        self.statuses.put(key, Some(status));
    }

    /// What is known of the message, as the store will have it.
    pub(super) fn edit(&mut self, edit: &MessageEdit) {
        if let Some(Some(record)) = self.records.get_mut(&edit.key) {
            record.edit(edit);
        }
    }

    pub(super) fn forget_chat(&mut self, chat: &str) {
        self.statuses.forget(|key| key.chat == chat || key.sender == chat);
        self.records.retain(|key, _| key.chat != chat && key.sender != chat);
    }

    pub(super) fn committed(&mut self) {
        self.records.clear();
        self.statuses.age();
    }

    pub(super) fn clear(&mut self) {
        self.records.clear();
        self.statuses.clear();
    }
}
