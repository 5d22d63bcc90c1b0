//! Changes of contacts, counters, the audit log, settings and contacted people.
use crate::{
    AuditChange, AuditEntry, Change, Consent, ContactChange, ContactRecord, ContactedChange, CounterChange,
    SettingChange, Step, Suppression,
};

fn contact(id: &str, phone: &str) -> ContactChange {
    let contact = ContactRecord {
        id: id.into(),
        phone: Some(phone.into()),
        lid: Some(format!("{phone}@lid")),
        tags: ["old".to_owned()].into(),
        fields: [("field".to_owned(), "value".to_owned())].into(),
        created_at: 1,
        updated_at: 1,
        ..ContactRecord::default()
    };
    ContactChange::Put(Box::new(contact))
}

/// Two records of one person, who is suppressed by one address.
fn one_person() -> [Change; 3] {
    let contact = |id: &str, phone: Option<&str>, lid: Option<&str>| {
        let (phone, lid) = (phone.map(Into::into), lid.map(Into::into));
        let tags = ["old".to_owned()].into();
        let contact = ContactRecord { id: id.into(), phone, lid, tags, ..ContactRecord::default() };
        ContactChange::Put(Box::new(contact)).into()
    };
    let (by_number, by_lid) = (contact("number", Some("600"), None), contact("lid", None, Some("700@lid")));
    [by_number, by_lid, suppression("700@lid").into()]
}

fn consent(at: i64) -> Consent {
    Consent { scope: "news".into(), source: "form".into(), at, evidence: None }
}

fn suppression(address: &str) -> ContactChange {
    ContactChange::Suppress(Suppression { address: address.into(), reason: "stop".into(), at: 1 })
}

fn entry(at: i64) -> AuditChange {
    AuditChange::Append(AuditEntry {
        at,
        actor: "u".into(),
        action: "a".into(),
        subject: "s".into(),
        details: "{}".into(),
    })
}

fn addition(at: i64) -> CounterChange {
    CounterChange::Add { name: "sent".into(), account: Some("a".into()), at, by: 1 }
}

fn setting(name: &str) -> SettingChange {
    SettingChange::Put { name: name.into(), value: "v".into() }
}

fn note(at: i64) -> ContactedChange {
    ContactedChange::Note { sender: "a".into(), people: vec![(1, at), (2, at)] }
}

pub(super) fn before() -> Vec<Change> {
    let mut list = vec![
        contact("p", "100").into(),
        contact("gone", "200").into(),
        suppression("300").into(),
        addition(1).into(),
        entry(1).into(),
        setting("old").into(),
        note(1).into(),
    ];
    list.extend(one_person());
    list
}

pub(super) fn writes() -> Vec<Change> {
    let id = || "p".to_owned();
    vec![
        contact("new", "400").into(),
        ContactChange::AddTags { id: id(), tags: ["new".to_owned()].into(), at: 2 }.into(),
        ContactChange::RemoveTags { id: id(), tags: ["old".to_owned()].into(), at: 2 }.into(),
        ContactChange::SetField { id: id(), name: "f".into(), value: Some("v".into()), at: 2 }.into(),
        ContactChange::RecordConsent { id: id(), consent: consent(2) }.into(),
        ContactChange::OptOut { id: id(), at: 3 }.into(),
        ContactChange::Seen { id: id(), at: 4 }.into(),
        suppression("500").into(),
        addition(90_000_000).into(),
        entry(2).into(),
        setting("new").into(),
        SettingChange::Seed { name: "seeded".into(), value: "v".into() }.into(),
        note(2).into(),
    ]
}

pub(super) fn removals() -> Vec<Change> {
    vec![
        ContactChange::Delete { id: "gone".into() }.into(),
        ContactChange::Unsuppress { address: "300".into(), consent: consent(9) }.into(),
        CounterChange::Trim { step: Step::Hour, before: 80_000_000 }.into(),
        AuditChange::Trim { before: 2 }.into(),
        SettingChange::Delete { name: "old".into() }.into(),
        ContactedChange::Trim { before: 2, limit: 10 }.into(),
    ]
}
