//! Damage to the SQLite file itself.
use std::{
    fs,
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
    sync::Arc,
};

use tempfile::TempDir;
use whatsapp_store::{ErrorKind, Keyring, Result, Store, open};

use crate::{account, assert_readable, assert_says, put, read, records};

const PAGE: u64 = 4096;

fn url(path: &Path) -> String {
    format!("sqlite://{}", path.display())
}

/// SQLite has no checksums; sealed values have.
async fn open_sealed(path: &Path) -> Result<Arc<dyn Store>> {
    let keyring = Keyring::parse(&"5a".repeat(32)).unwrap();
    whatsapp_store::open_sealed(&url(path), keyring).await
}

/// A file with enough records for every kind of page.
async fn made() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bot.db");
    let store = open_sealed(&path).await.unwrap();
    store.commit(records()).await.unwrap();
    for number in 0..60 {
        store.commit(put(&format!("{number:03}"), 600)).await.unwrap();
    }
    store.commit(put("long", 20_000)).await.unwrap();
    store.close().await;
    (folder, path)
}

#[tokio::test]
async fn a_damaged_header_is_corrupt() {
    let (_folder, path) = made().await;
    let whole = fs::read(&path).unwrap();
    fs::write(&path, [&[b'x'; 100][..], &whole[100..]].concat()).unwrap();
    assert_says(&open(&url(&path)).await.unwrap_err(), ErrorKind::Corrupt, "not a database");
    fs::write(&path, &whole).unwrap();
    assert_readable(&open_sealed(&path).await.unwrap()).await;
}

#[tokio::test]
async fn the_file_of_another_program_is_reported() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bot.db");
    fs::write(&path, "a letter to somebody. ".repeat(500)).unwrap();
    assert_says(&open(&url(&path)).await.unwrap_err(), ErrorKind::Corrupt, "not a database");
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(folder.path().join("other.db"));
    let mut other = sqlx::ConnectOptions::connect(&options.create_if_missing(true)).await.unwrap();
    sqlx::query("CREATE TABLE device (id)").execute(&mut other).await.unwrap();
    sqlx::Connection::close(other).await.unwrap();
    let error = open(&url(&folder.path().join("other.db"))).await.unwrap_err();
    assert_says(&error, ErrorKind::Corrupt, "another program");
}

/// One page is overwritten. Every read then gives the right value or an error.
#[tokio::test]
async fn a_damaged_page_anywhere_is_corrupt_and_nothing_seems_absent() {
    let (_folder, path) = made().await;
    let whole = fs::read(&path).unwrap();
    let pages = whole.len() as u64 / PAGE;
    assert!(pages > 40, "{pages} pages");
    let mut hits = 0;
    for page in 0..pages {
        fs::write(&path, &whole).unwrap();
        let file = fs::OpenOptions::new().write(true).open(&path).unwrap();
        // The first page keeps its header, which another test damages.
        let start = if page == 0 { 100 } else { page * PAGE };
        file.write_all_at(&vec![0xa5; ((page + 1) * PAGE - start) as usize], start).unwrap();
        match open_sealed(&path).await {
            Ok(store) => {
                hits += damaged_reads(&store, page).await;
                store.close().await;
            }
            Err(error) => {
                assert_says(&error, ErrorKind::Corrupt, "");
                hits += 1;
            }
        }
    }
    assert!(hits > 10, "only {hits} damages were noticed");
}

async fn damaged_reads(store: &Arc<dyn Store>, page: u64) -> u64 {
    let mut hits = 0;
    let mut results = read(store).await;
    let ids = store.signal_ids(&account(), whatsapp_store::SignalKind::Session).await;
    results.push(("signal_ids", ids.map(|ids| ids.len() == 63)));
    let long = store.signal(&account(), &[crate::key("long")]).await;
    let expected = vec![7; 20_000];
    results.push(("long", long.map(|found| found[0].as_ref().is_some_and(|found| found[..] == expected))));
    for (what, result) in results {
        match result {
            Ok(right) => assert!(right, "{what} reads wrong with page {page} damaged"),
            Err(error) => {
                assert_says(&error, ErrorKind::Corrupt, "");
                hits = 1;
            }
        }
    }
    hits
}
