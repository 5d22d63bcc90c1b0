//! The contacts and suppressions of a store.
use whatsapp_campaigns::{
    audience::{ListSource, StoreScreen},
    person,
};
use whatsapp_store::{Change, Changes, ContactChange, ContactRecord, Suppression, WorkspaceId};

use super::*;

#[tokio::test]
async fn suppressions_and_opt_outs_of_the_workspace_count() {
    let store = whatsapp_store::open("memory:").await.unwrap();
    let shop: WorkspaceId = "shop".parse().unwrap();
    let suppress = |address: &str| {
        let suppression = Suppression { address: address.into(), reason: "stop".into(), at: 1 };
        Change::Contact(ContactChange::Suppress(suppression))
    };
    let contact = |phone: &str, opted_out_at| {
        let record = ContactRecord {
            id: phone.into(),
            phone: Some(phone.into()),
            opted_out_at,
            ..ContactRecord::default()
        };
        Change::Contact(ContactChange::Put(Box::new(record)))
    };
    let mut changes = Changes::new(shop.clone());
    changes.push(suppress("4915123456781"));
    // Long before the consent of the file.
    changes.push(contact("4915123456782", Some(1)));
    changes.push(contact("4915123456783", None));
    store.commit(changes).await.unwrap();
    let mut other = Changes::new("other".parse::<WorkspaceId>().unwrap());
    other.push(suppress("4915123456783"));
    store.commit(other).await.unwrap();

    let numbers = ["015123456781", "015123456782", "015123456783", "015123456784", "015123456785"];
    let mapping = Mapping::list(consent()).region("DE".parse().unwrap());
    let screen =
        StoreScreen::new(&*store, shop).excluding([person::parse("+49 1512 3456784", None).unwrap()]);
    let mut kept = Kept::default();
    let gathered = Freeze::new(mapping, [7; 32]).gather(ListSource::new(numbers)).unwrap();
    let report = gathered.hand_out(&|_| 0, &screen, &mut kept).await.unwrap();
    let reasons: Vec<_> = report.refused.iter().map(|(reason, count)| (reason.code(), count)).collect();
    assert_eq!(reasons, [("suppressed", 1), ("withdrawn", 1), ("excluded", 1)]);
    let mut addresses: Vec<_> = kept.0[0].rows.iter().map(|row| row.address.clone()).collect();
    addresses.sort();
    assert_eq!(addresses, ["4915123456783", "4915123456785"]);
}
