use whatsapp_store::{CampaignState, Changes, ContactChange, Store, Suppression, WorkspaceId};

use super::bench::{Bench, START, Shared, people, settings, upload};
use crate::desk::DeskError;

#[tokio::test]
async fn ids_and_settings_that_are_none() {
    let bench = Bench::new();
    for id in ["", "a b", "ä", "a/b", &"x".repeat(65)] {
        assert!(matches!(bench.desk.create(id, "x", settings(), "ana").await, Err(DeskError::Id)), "{id}");
    }
    bench.draft("spring").await;
    assert!(matches!(bench.desk.create("spring", "x", settings(), "ana").await, Err(DeskError::Exists)));
    let mut wrong = settings();
    wrong.senders.clear();
    assert!(matches!(bench.desk.create("summer", "x", wrong, "ana").await, Err(DeskError::Settings(_))));
}

#[tokio::test]
async fn a_number_in_five_shapes_is_one_person() {
    let bench = Bench::new();
    bench.draft("spring").await;
    let file = "phone,name\n+49 151 23456789,A\n0151 23456789,B\n0049 151 23456789,C\n+49 (0)151 2345-6789,D\n4915123456789,E\n12,F\n,G\n";
    let rejects = Shared::default();
    let frozen = bench.upload_with("spring", file, upload(), rejects.clone()).await.unwrap();
    assert_eq!((frozen.rows, frozen.recipients, frozen.refused["duplicate"]), (7, 1, 4), "{frozen:?}");
    let listed = rejects.text();
    assert_eq!(listed.lines().count(), 1 + 6);
    assert!(listed.contains(",duplicate,") && listed.starts_with("line,value,reason,detail"));
}

#[tokio::test]
async fn files_that_are_not_what_they_say_leave_nobody_to_be_written_to() {
    let bench = Bench::new();
    bench.draft("spring").await;
    bench.upload("spring", people(5)).await.unwrap();
    for (file, says) in [
        (Vec::new(), "empty"),
        (b"PK\x03\x04rest of an archive".to_vec(), "workbook or an archive"),
        (vec![0_u8; 4_000], "no text"),
        (b"phone,phone\n1,2\n".to_vec(), "same name"),
    ] {
        let error = bench.upload("spring", file).await.unwrap_err();
        assert!(error.to_string().contains(says), "{error}");
        let shown = bench.desk.show("spring").await.unwrap();
        assert_eq!((shown.record.state, shown.document.kept.frozen), (CampaignState::Draft, None));
        assert_eq!(bench.desk.progress("spring").await.unwrap().recipients, 0);
    }
    assert!(matches!(bench.desk.start("spring", "ana").await, Err(DeskError::NoRecipients)));
}

#[tokio::test]
async fn a_missing_column_and_a_variable_that_nobody_has_are_counted_and_explained() {
    let bench = Bench::new();
    bench.draft("spring").await;
    let rejects = Shared::default();
    let frozen = bench
        .upload_with("spring", "number,name\n+49 151 23456789,A\n", upload(), rejects.clone())
        .await
        .unwrap();
    assert_eq!((frozen.recipients, frozen.refused["missing_column"]), (0, 1));
    assert_eq!(frozen.absent_columns, ["phone"]);
    let frozen = bench
        .upload_with("spring", "phone,nom\n+49 151 23456789,A\n", upload(), rejects.clone())
        .await
        .unwrap();
    assert_eq!((frozen.recipients, frozen.refused["missing_variable"]), (0, 1));
    assert_eq!(frozen.absent_columns, ["name"]);
    assert!(rejects.text().contains("missing_variable,name"), "{}", rejects.text());
}

#[tokio::test]
async fn a_million_duplicates_are_one_recipient() {
    let bench = Bench::new();
    bench.draft("spring").await;
    let mut file = "phone,name\n".to_owned();
    for n in 0..1_000_000 {
        file.push_str(&format!("+49 151 23456789,Person {n}\n"));
    }
    let frozen = bench.upload("spring", file).await.unwrap();
    assert_eq!((frozen.recipients, frozen.refused["duplicate"]), (1, 999_999));
}

#[tokio::test]
async fn other_encodings_are_read_and_broken_ones_counted() {
    let bench = Bench::new();
    bench.draft("spring").await;
    let mut latin = b"phone;name\n+49 151 23456789;J\xfcrgen\n".to_vec();
    let frozen = bench.upload("spring", latin.clone()).await.unwrap();
    let told = frozen.recipients == 1 || frozen.refused.contains_key("unreadable.encoding");
    assert!(told, "{frozen:?}");
    latin.splice(0..0, *b"\xef\xbb\xbf");
    let frozen = bench.upload("spring", latin).await.unwrap();
    assert_eq!((frozen.recipients, frozen.refused["unreadable.encoding"]), (0, 1));
}

#[tokio::test]
async fn whoever_is_suppressed_or_excluded_is_not_among_them() {
    let bench = Bench::new();
    bench.draft("spring").await;
    let mut changes = Changes::new(WorkspaceId::default());
    let suppression = Suppression { address: "4915110000000".into(), reason: "stop".into(), at: START };
    changes.push(ContactChange::Suppress(suppression));
    bench.store.commit(changes).await.unwrap();
    let mut upload = upload();
    upload.exclude.insert("4915110000007".into());
    let frozen = bench.upload_with("spring", people(10), upload, Shared::default()).await.unwrap();
    assert_eq!((frozen.recipients, frozen.refused["suppressed"], frozen.refused["excluded"]), (8, 1, 1));
}

/// A file that takes longer to read than the right to write the audience lasts.
struct Slow(super::bench::At);

impl crate::audience::Source for Slow {
    fn read(
        self: Box<Self>,
        rows: &mut dyn crate::audience::Rows,
    ) -> Result<(), crate::audience::AudienceError> {
        rows.header(&["phone".to_owned(), "name".to_owned()])?;
        *self.0.0.lock().unwrap() += 3_600_000;
        let mut row = crate::audience::Row::default();
        row.push("+4915123456789");
        row.push("Ada");
        rows.row(&row)
    }
}

#[tokio::test]
async fn a_file_may_take_an_hour() {
    let bench = Bench::new();
    bench.draft("spring").await;
    let slow = Slow(bench.clock.clone());
    let frozen = bench.desk.upload("spring", slow, upload(), Shared::default(), "ana").await.unwrap();
    assert_eq!(frozen.recipients, 1);
    assert_eq!(bench.upload("spring", people(3)).await.unwrap().recipients, 3, "others may write again");
}
