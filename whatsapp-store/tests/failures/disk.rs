//! Full disks and read-only disks. A child of this test mounts a small disk in its own namespace, if it may.
//! Where it may not, `sqlite::tests` still makes SQLite refuse to grow.
use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
    sync::Arc,
};

use sqlx::Connection;
use whatsapp_store::{ErrorKind, SignalKind, Store, open};

use crate::{
    account, assert_readable, assert_says,
    postgres_server::private::{Server, other_user},
    put, records,
};

const PLACE: &str = "WHATSAPP_STORE_TEST_DISK";

/// The command that starts a program with the right to mount.
fn apart() -> Option<Command> {
    let mut arguments = vec!["--mount"];
    if other_user().is_none() {
        arguments.push("--map-root-user");
    }
    let command = || {
        let mut command = Command::new("unshare");
        command.args(&arguments);
        command
    };
    let folder = tempfile::tempdir().unwrap();
    let mut attempt = command();
    attempt.args(["mount", "-t", "tmpfs", "tmpfs"]).arg(folder.path());
    let allowed = attempt.output().is_ok_and(|output| output.status.success());
    if !allowed {
        eprintln!("nothing may be mounted here: run this test as root, or allow user namespaces");
    }
    allowed.then(command)
}

/// Runs one of the tests below on its own small disk.
fn run(test: &str) {
    let Some(mut child) = apart() else { return };
    let folder = tempfile::tempdir().unwrap();
    child.arg(env::current_exe().unwrap()).args(["--exact", test, "--ignored", "--nocapture"]);
    let output = child.env(PLACE, folder.path()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let complained = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.contains("1 passed"), "{said}\n{complained}");
}

fn mount(options: &str) -> PathBuf {
    let place = PathBuf::from(env::var(PLACE).unwrap());
    let status = Command::new("mount").args(["-t", "tmpfs", "-o", options, "tmpfs"]).arg(&place).status();
    assert!(status.unwrap().success());
    place
}

fn remount(place: &Path, options: &str) {
    let status = Command::new("mount").args(["-o", &format!("remount,{options}")]).arg(place).status();
    assert!(status.unwrap().success());
}

/// Commits until it fails; says how many did not, and how it failed.
async fn fill(store: &Arc<dyn Store>, size: usize) -> (usize, whatsapp_store::Error) {
    for number in 0..10_000 {
        if let Err(error) = store.commit(put(&format!("{number:05}"), size)).await {
            return (number, error);
        }
    }
    panic!("the disk has no end");
}

async fn count(store: &Arc<dyn Store>) -> usize {
    let ids = store.signal_ids(&account(), SignalKind::Session).await.unwrap();
    ids.iter().filter(|id| id.starts_with('0')).count()
}

#[test]
fn a_full_disk_under_sqlite() {
    run("disk::sqlite_on_a_small_disk");
}

#[tokio::test]
#[ignore = "run by the test above"]
async fn sqlite_on_a_small_disk() {
    let place = mount("size=2m");
    let url = format!("sqlite://{}", place.join("bot.db").display());
    let ballast = place.join("ballast");
    fs::write(&ballast, vec![1; 600_000]).unwrap();
    let store = open(&url).await.unwrap();
    store.commit(records()).await.unwrap();
    let (stored, error) = fill(&store, 8_000).await;
    assert_says(&error, ErrorKind::Full, "full");
    assert!(stored > 2, "some must have fitted");
    assert_eq!(count(&store).await, stored, "nothing of the one that failed");
    assert_readable(&store).await;
    fs::remove_file(&ballast).unwrap();
    store.commit(put("0 more", 8_000)).await.unwrap();
    assert_eq!(count(&store).await, stored + 1);

    let (more, _) = fill(&store, 8_000).await;
    store.close().await;
    fill_up(&ballast);
    // Opened on the full disk: either for reading at least, or not at all and for that reason.
    match open(&url).await {
        Ok(store) => {
            assert_readable(&store).await;
            store.close().await;
        }
        Err(error) => assert_says(&error, ErrorKind::Full, ""),
    }
    let new = open(&format!("sqlite://{}", place.join("new.db").display())).await;
    assert_says(&new.unwrap_err(), ErrorKind::Full, "");

    fs::remove_file(&ballast).unwrap();
    let store = open(&url).await.unwrap();
    assert_eq!(count(&store).await, stored.max(more) + 1);
    store.close().await;
    remount(&place, "ro");
    assert_says(&open(&url).await.unwrap_err(), ErrorKind::Full, "ead-only");
}

/// Writes until nothing more fits.
fn fill_up(ballast: &Path) {
    use std::io::Write;
    let mut file = fs::File::create(ballast).unwrap();
    for size in [65_536, 512, 1] {
        while file.write_all(&vec![1; size]).is_ok() {}
    }
}

#[test]
fn a_full_disk_under_postgres() {
    // The server has to run as another user than the one who mounts.
    if other_user().is_some() {
        run("disk::postgres_on_a_small_disk");
    }
}

#[tokio::test]
#[ignore = "run by the test above"]
async fn postgres_on_a_small_disk() {
    let user = other_user().unwrap();
    let place = mount(&format!("size=4m,mode=700,uid={},gid={}", user.uid, user.gid));
    let server = Server::start().await;
    let mut aside = server.connect().await;
    for text in [
        format!("CREATE TABLESPACE small LOCATION '{}'", place.display()),
        "ALTER ROLE postgres SET default_tablespace = small".to_owned(),
    ] {
        sqlx::query(sqlx::AssertSqlSafe(text)).execute(&mut aside).await.unwrap();
    }
    aside.close().await.unwrap();
    let store = open(&server.url("")).await.unwrap();
    store.commit(records()).await.unwrap();
    let (stored, error) = fill(&store, 8_000).await;
    assert_says(&error, ErrorKind::Full, "No space left on device");
    assert!(stored > 2, "some must have fitted");
    assert_eq!(count(&store).await, stored, "nothing of the one that failed");
    assert_readable(&store).await;
    remount(&place, "size=8m");
    store.commit(put("0 more", 8_000)).await.unwrap();
    assert_eq!(count(&store).await, stored + 1);
    store.close().await;
}
