use whatsapp_store::{CampaignState, Changes, ContactChange, Store, Suppression, WorkspaceId};

use super::bench::{Bench, START, Shared, people, settings, upload};
use crate::{
    audience::CsvSource,
    service::{ServiceError, Upload},
};

#[tokio::test]
async fn ids_and_settings_that_are_none() {
    let bench = Bench::new();
    for id in ["", "a b", "ä", "a/b", &"x".repeat(65)] {
        assert!(
            matches!(bench.service.create(id, "x", settings(), "ana").await, Err(ServiceError::Id)),
            "{id}"
        );
    }
    bench.draft("spring").await;
    assert!(matches!(
        bench.service.create("spring", "x", settings(), "ana").await,
        Err(ServiceError::Exists)
    ));
    let mut wrong = settings();
    wrong.senders.clear();
    assert!(matches!(
        bench.service.create("summer", "x", wrong, "ana").await,
        Err(ServiceError::Settings(_))
    ));
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
async fn a_refused_file_leaves_the_earlier_recipients() {
    let bench = Bench::new();
    bench.draft("spring").await;
    let earlier = bench.upload("spring", people(5)).await.unwrap();
    let broken = b"phone,name\n+49 151 23456789,A\n12".to_vec();
    for (file, says) in [
        (b"--b\r\nContent-Disposition: form-data\r\n\r\nphone\n".to_vec(), "form"),
        (b"[{\"phone\":\"+4915123456789\"}]".to_vec(), "JSON"),
        (b"telephone\n+4915123456789\n".to_vec(), "`phone`"),
        (b"phone,name\n12,A\n".to_vec(), "too_short 1"),
        (b"phone,name\n".to_vec(), "no row"),
        (Vec::new(), "empty"),
        (b"PK\x03\x04rest of an archive".to_vec(), "workbook or an archive"),
        (vec![0_u8; 4_000], "no text"),
        (b"phone,phone\n1,2\n".to_vec(), "same name"),
    ] {
        let error = bench.upload("spring", file).await.unwrap_err();
        assert!(error.to_string().contains(says), "{error}");
        let shown = bench.service.show("spring").await.unwrap();
        let kept = shown.document.kept.frozen.map(|frozen| frozen.at);
        assert_eq!((shown.record.state, kept), (CampaignState::Draft, Some(earlier.at)));
        assert_eq!(bench.service.progress("spring").await.unwrap().recipients, 5);
    }
    let broken = Broken(std::io::Cursor::new(broken));
    let error =
        bench.service.upload("spring", CsvSource::new(broken), upload(), Shared::default(), "ana").await;
    assert!(error.is_err());
    let mut wrong = upload();
    wrong.exclude.insert("nobody".into());
    let error = bench.upload_with("spring", people(3), wrong, Shared::default()).await.unwrap_err();
    assert!(error.to_string().contains("`nobody`"), "{error}");
    assert_eq!(bench.service.progress("spring").await.unwrap().recipients, 5);
}

#[tokio::test]
async fn a_missing_column_and_a_variable_that_nobody_has_are_counted_and_explained() {
    let bench = Bench::new();
    bench.draft("spring").await;
    let rejects = Shared::default();
    let error = bench
        .upload_with("spring", "phone,nom\n+49 151 23456789,A\n", upload(), rejects.clone())
        .await
        .unwrap_err();
    assert!(error.to_string().contains("missing_variable 1"), "{error}");
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
    let error = bench.upload("spring", latin).await.unwrap_err();
    assert!(error.to_string().contains("unreadable.encoding 1"), "{error}");
}

#[tokio::test]
async fn suppressed_and_excluded_people_are_not_recipients() {
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

/// A file that breaks off.
struct Broken(std::io::Cursor<Vec<u8>>);

impl std::io::Read for Broken {
    fn read(&mut self, bytes: &mut [u8]) -> std::io::Result<usize> {
        match self.0.read(bytes)? {
            0 => Err(std::io::ErrorKind::ConnectionReset.into()),
            read => Ok(read),
        }
    }
}

#[tokio::test]
async fn stop_from_one_form_holds_for_the_other_and_so_does_an_exclusion() {
    for (stop, file) in [
        ("553187654321", "+55 31 98765-4321"),
        ("5531987654321", "553187654321"),
        ("525512345678", "5215512345678"),
        ("5215512345678", "+52 55 1234 5678"),
        ("541123456789", "+54 9 11 2345-6789"),
        ("22997123456", "+229 01 97 12 34 56"),
    ] {
        let bench = Bench::new();
        bench.draft("spring").await;
        let mut changes = Changes::new(WorkspaceId::default());
        let suppression = Suppression { address: stop.into(), reason: "stop".into(), at: START };
        changes.push(ContactChange::Suppress(suppression));
        bench.store.commit(changes).await.unwrap();
        let rows = format!("phone,name\n{file},A\n+49 151 23456789,B\n");
        let abroad = Upload { region: None, ..upload() };
        let frozen =
            bench.upload_with("spring", rows.clone(), abroad.clone(), Shared::default()).await.unwrap();
        assert_eq!((frozen.recipients, frozen.refused["suppressed"]), (1, 1), "{stop} {file}");
        let bench = Bench::new();
        bench.draft("spring").await;
        let mut abroad = abroad;
        abroad.exclude.insert(format!("+{stop}"));
        let frozen = bench.upload_with("spring", rows, abroad, Shared::default()).await.unwrap();
        assert_eq!((frozen.recipients, frozen.refused["excluded"]), (1, 1), "{stop} {file}");
    }
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
    let frozen = bench.service.upload("spring", slow, upload(), Shared::default(), "ana").await.unwrap();
    assert_eq!(frozen.recipients, 1);
    assert_eq!(bench.upload("spring", people(3)).await.unwrap().recipients, 3, "others may write again");
}
