//! A PostgreSQL server of one test, which the test may kill, make read-only, or fill up.
use std::{
    env,
    fs::{self, File},
    io::Write,
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, Output},
    time::{Duration, Instant},
};

use sqlx::{ConnectOptions, Connection, PgConnection, postgres::PgConnectOptions};
use tempfile::TempDir;

/// How long a server may take to be there, recovery after a crash included.
const PATIENCE: Duration = Duration::from_secs(60);

/// A server with the settings for durability that it comes with. It ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Server {
    folder: TempDir,
    port: u16,
    process: Option<Child>,
}

impl Server {
    pub(crate) async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut server = Self { folder, port, process: None };
        fs::create_dir(server.data()).unwrap();
        if let Some(user) = other_user() {
            // The server's user must reach its files.
            open_to_all(server.folder.path());
            std::os::unix::fs::chown(server.data(), Some(user.uid), Some(user.gid)).unwrap();
        }
        let mut make = program("initdb");
        make.arg("-D").arg(server.data()).args(["-U", "postgres", "-A", "trust", "-E", "UTF8"]);
        succeed(make.args(["--locale", "C.UTF-8", "--no-sync"]).output().unwrap());
        server.run().await;
        server
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn log(&self) -> PathBuf {
        self.folder.path().join("log")
    }

    /// A store's address, with options such as `schema=a&connections=1`.
    pub(crate) fn url(&self, options: &str) -> String {
        self.url_of("postgres", "postgres", options)
    }

    /// As `url`, for a user (with a password or without) and a database.
    pub(crate) fn url_of(&self, user: &str, database: &str, options: &str) -> String {
        format!("postgres://{user}@127.0.0.1:{}/{database}?sslmode=disable&{options}", self.port)
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// A connection beside the store's.
    pub(crate) async fn connect(&self) -> PgConnection {
        self.try_connect().await.unwrap()
    }

    async fn try_connect(&self) -> sqlx::Result<PgConnection> {
        self.url("").trim_end_matches('&').parse::<PgConnectOptions>().unwrap().connect().await
    }

    /// Puts access rules before the server's own.
    pub(crate) async fn allow(&self, rules: &str) {
        let path = self.data().join("pg_hba.conf");
        let before = fs::read_to_string(&path).unwrap();
        fs::write(path, format!("{rules}\n{before}")).unwrap();
        let mut connection = self.connect().await;
        sqlx::query("SELECT pg_reload_conf()").execute(&mut connection).await.unwrap();
        connection.close().await.unwrap();
    }

    /// Starts it, and waits until it takes connections.
    pub(crate) async fn run(&mut self) {
        let started = Instant::now();
        while let Err(error) = self.try_connect().await.map(drop) {
            assert!(started.elapsed() < PATIENCE, "{error}\n{}", self.said());
            // A killed server leaves shared memory behind. The next one refuses to start until all its processes are gone.
            let ended = self.process.as_mut().is_none_or(|process| process.try_wait().unwrap().is_some());
            if ended {
                self.spawn();
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    fn spawn(&mut self) {
        let mut server = program("postgres");
        server.arg("-D").arg(self.data()).args(["-p", &self.port.to_string()]);
        for setting in ["listen_addresses=127.0.0.1", "unix_socket_directories=", "max_connections=60"] {
            server.args(["-c", setting]);
        }
        let log = File::options().create(true).append(true).open(self.log()).unwrap();
        server.stdin(std::process::Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
        self.process = Some(server.spawn().unwrap());
    }

    fn said(&self) -> String {
        fs::read_to_string(self.log()).unwrap_or_default()
    }

    /// `kill -9` of all its processes at once.
    pub(crate) fn kill(&mut self) {
        let mut process = self.process.take().expect("the server runs");
        let pid = process.id();
        let all = [vec![pid], children(pid)].concat();
        // Some may have ended by themselves.
        let _ = signal("-KILL", &all);
        process.wait().unwrap();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let Some(mut process) = self.process.take() else { return };
        let told = signal("-QUIT", &[process.id()]);
        let ended = process.wait();
        if !std::thread::panicking() {
            succeed(told);
            ended.unwrap();
        } else {
            let _ = std::io::stderr().write_all(self.said().as_bytes());
        }
    }
}

fn signal(name: &str, processes: &[u32]) -> Output {
    let processes = processes.iter().map(ToString::to_string);
    Command::new("kill").arg(name).args(processes).output().unwrap()
}

/// The processes that a process has started, read from `/proc`. Elsewhere none: they end soon after their parent.
fn children(parent: u32) -> Vec<u32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    pids.filter(|pid| parent_of(*pid) == Some(parent)).collect()
}

fn parent_of(pid: u32) -> Option<u32> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // "pid (name) state parent ...", and a name may hold anything.
    stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()
}

/// A user and a group by number.
#[derive(Clone, Copy)]
pub(crate) struct User {
    pub(crate) uid: u32,
    pub(crate) gid: u32,
}

/// PostgreSQL refuses to run as root, which then runs it as `postgres`.
pub(crate) fn other_user() -> Option<User> {
    let id = |arguments: &[&str]| -> Option<u32> {
        let output = Command::new("id").args(arguments).output().unwrap();
        String::from_utf8(output.stdout).unwrap().trim().parse().ok()
    };
    if id(&["-u"]) != Some(0) {
        return None;
    }
    let missing = "a PostgreSQL server cannot run as root, and there is no user `postgres`";
    Some(User { uid: id(&["-u", "postgres"]).expect(missing), gid: id(&["-g", "postgres"]).expect(missing) })
}

/// One of the server's programs, as the user that may run it.
fn program(name: &str) -> Command {
    let mut command = Command::new(folder_of_programs().join(name));
    // The working folder has to be one that the user can enter.
    command.current_dir("/");
    if let Some(user) = other_user() {
        use std::os::unix::process::CommandExt;
        command.uid(user.uid).gid(user.gid);
    }
    command
}

/// Debian keeps them off the PATH.
fn folder_of_programs() -> PathBuf {
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut found: Vec<_> = versions
        .filter_map(|entry| {
            Some((entry.file_name().to_str()?.parse::<u32>().ok()?, entry.path().join("bin")))
        })
        .collect();
    found.sort();
    let path = env::var_os("PATH").unwrap_or_default();
    let on_path = env::split_paths(&path);
    let mut folders = found.into_iter().rev().map(|(_, folder)| folder).chain(on_path);
    folders.find(|folder| folder.join("initdb").exists() && folder.join("postgres").exists()).expect(
        "this test starts a PostgreSQL server of its own, and finds no `initdb` and `postgres`: \
         install them (Debian and Ubuntu: apt-get install postgresql)",
    )
}

fn open_to_all(folder: &Path) {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(folder, fs::Permissions::from_mode(0o755)).unwrap();
}

fn succeed(output: Output) {
    let (said, complained) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{}\n{said}{complained}", output.status);
}
