//! A commit that breaks off at any of its statements, on either database. For tests alone.
use std::sync::{Arc, Mutex};

use super::{Statement, sql};

/// Puts another statement, which fails, in the place of one to come. Clones share it, as those of a store do.
#[derive(Clone, Debug, Default)]
pub(crate) struct Cut(Arc<Mutex<Option<(u32, &'static str)>>>);

impl Cut {
    /// Before so many statements from now.
    fn arm(&self, statements: u32, instead: &'static str) {
        *self.0.lock().unwrap() = Some((statements, instead));
    }

    /// Is it still to come? Then no more.
    fn disarm(&self) -> bool {
        self.0.lock().unwrap().take().is_some()
    }

    pub(super) fn through<'a>(&self, statement: Statement<'a>) -> Statement<'a> {
        let mut cut = self.0.lock().unwrap();
        match &mut *cut {
            Some((0, instead)) => {
                let instead = sql(instead);
                *cut = None;
                instead
            }
            Some((left, _)) => {
                *left -= 1;
                statement
            }
            None => statement,
        }
    }
}

mod tests {
    use bytes::Bytes;
    use sqlx::{AssertSqlSafe, ConnectOptions, Connection as _, PgConnection, SqliteConnection};

    use super::super::Sql;
    use crate::{
        AccountId, AppStateChange, AppStateVersion, Change, Changes, ChatChange, Content, DeviceRecord,
        ErrorKind, EventChange, EventStore, LeaseStore, LidMapping, MediaRef, MessageKey, MessageRecord,
        MessageStatus, NewEvent, OutgoingMessage, OutgoingState, SeenState, SessionRecord, SessionSeen,
        SignalKey, SignalKind, Source, Store, WantedState, postgres::PostgresStore, sqlite::SqliteStore,
    };

    /// What the database is asked for instead of a statement, and what kind of error comes of it.
    type Instead = (&'static str, ErrorKind);

    const REFUSED: Instead = ("SELECT abs(-9223372036854775807 - 1)", ErrorKind::Other);
    const REFUSED_BY_SERVER: Instead = ("SELECT 1 / 0", ErrorKind::Other);
    /// Ends the whole transaction by itself, as a full disk may.
    const ROLLED_BACK: Instead = ("INSERT OR ROLLBACK INTO vault_key (id) VALUES (NULL)", ErrorKind::Other);
    const CONNECTION_LOST: Instead = ("SELECT pg_terminate_backend(pg_backend_pid())", ErrorKind::Busy);

    fn account() -> AccountId {
        "shop/a".parse().unwrap()
    }

    fn key(id: &str) -> SignalKey {
        SignalKey::new(SignalKind::Session, id)
    }

    fn message(chat: &str, id: &str, from_me: bool, timestamp: i64) -> MessageRecord {
        MessageRecord {
            key: MessageKey { chat: chat.into(), sender: "s".into(), id: id.into() },
            from_me,
            timestamp,
            content: Content::text("some words"),
            status: if from_me { MessageStatus::Queued } else { MessageStatus::Delivered },
            source: Source::Live,
            push_name: None,
            quoted: None,
            media: Some(MediaRef { secret: Bytes::from("secret"), ..MediaRef::default() }),
        }
    }

    fn outgoing(id: &str, state: OutgoingState) -> OutgoingMessage {
        OutgoingMessage { id: id.into(), chat: "c".into(), payload: Bytes::from("p"), state, created_at: 1 }
    }

    fn version(number: u64) -> AppStateChange {
        let (collection, hash) = ("regular".into(), Bytes::from(number.to_string()));
        AppStateChange::PutVersion(AppStateVersion { collection, version: number, hash })
    }

    fn mac(index: &'static str) -> AppStateChange {
        AppStateChange::PutMac { collection: "regular".into(), index: index.into(), value: "v".into() }
    }

    fn event(at: i64) -> EventChange {
        EventChange::Put(NewEvent { key: "k".into(), data: "{}".into(), at })
    }

    fn session(created_at: i64) -> SessionRecord {
        SessionRecord {
            id: account(),
            name: "n".into(),
            wanted: WantedState::Running,
            created_at,
            seen: None,
        }
    }

    fn changes(list: Vec<Change>) -> Changes {
        Changes { list, ..Changes::new(account()) }
    }

    /// What the others find there.
    fn before() -> Changes {
        changes(vec![
            Change::PutDevice(DeviceRecord { jid: None, lid: None, state: Bytes::from("1") }),
            Change::PutSignal(key("old"), Bytes::from("1")),
            Change::PutLid(LidMapping { lid: "10".into(), pn: "20".into() }),
            Change::PutOutgoing(outgoing("queued", OutgoingState::Queued)),
            Change::PutOutgoing(outgoing("sent", OutgoingState::Sent)),
            Change::PutMessage(message("c", "theirs", false, 5)),
            Change::PutMessage(message("c", "ours", true, 6)),
            Change::PutMessage(message("c", "oldest", false, 1)),
            Change::PutMessage(message("other", "unread", false, 5)),
            Change::PutSession(session(1)),
            version(1).into(),
            mac("old").into(),
            event(1).into(),
            EventChange::Passed { consumer: "one".into(), position: "0-0".into() }.into(),
            EventChange::Passed { consumer: "two".into(), position: "0-0".into() }.into(),
        ])
    }

    /// One of every kind that adds or rewrites something.
    fn writes() -> Changes {
        let seen = SessionSeen { state: SeenState::Connected, at: 3, reason: Some("r".into()) };
        let (c, other) = ("c".to_owned(), "other".to_owned());
        let flags =
            ChatChange::SetFlags { chat: c.clone(), archived: true, pinned: true, muted_until: Some(1) };
        changes(vec![
            Change::PutSignal(key("a"), Bytes::from("2")),
            Change::PutSignal(key("old"), Bytes::from("2")),
            Change::PutDevice(DeviceRecord { jid: None, lid: None, state: Bytes::from("2") }),
            Change::PutLid(LidMapping { lid: "11".into(), pn: "20".into() }),
            Change::PutOutgoing(outgoing("new", OutgoingState::Queued)),
            Change::SetOutgoingState("queued".into(), OutgoingState::Sent),
            Change::PutMessage(message("c", "new", false, 9)),
            Change::RaiseStatus(message("c", "theirs", false, 0).key, MessageStatus::Read),
            Change::RaiseStatus(message("c", "ours", true, 0).key, MessageStatus::Failed),
            Change::PutSession(session(2)),
            Change::SetSeen(seen),
            version(2).into(),
            mac("new").into(),
            AppStateChange::PutKey { id: "id".into(), key: "k".into() }.into(),
            ChatChange::SetName { chat: c, name: Some("n".into()) }.into(),
            flags.into(),
            ChatChange::MarkRead { chat: other, until: 9 }.into(),
            event(2).into(),
            EventChange::Passed { consumer: "two".into(), position: "ffff-ffff".into() }.into(),
        ])
    }

    /// One of every kind that removes something.
    fn removals() -> Changes {
        let regular = "regular".to_owned();
        changes(vec![
            Change::DeleteSignal(key("old")),
            Change::ExpireOutgoing(2),
            ChatChange::Expire { before: 5, limit: 10 }.into(),
            ChatChange::Delete { chat: "c".into() }.into(),
            AppStateChange::DeleteMac { collection: regular.clone(), index: "old".into() }.into(),
            AppStateChange::Reset { collection: regular }.into(),
            EventChange::Forget { consumer: "one".into() }.into(),
            EventChange::Trim { before: 2 }.into(),
            Change::DeleteDevice,
            Change::DeleteSession,
        ])
    }

    /// Every row of every table, read past the store.
    enum Aside {
        Sqlite(SqliteConnection),
        Postgres(PgConnection),
    }

    impl Aside {
        async fn rows(&mut self) -> Vec<String> {
            let mut all = Vec::new();
            match self {
                Self::Sqlite(connection) => {
                    let tables = "SELECT 'SELECT ''' || t.name || ': ''' || (SELECT group_concat(\
                        ' || quote(\"' || c.name || '\")', ' || '',''') FROM pragma_table_info(t.name) c) \
                        || ' FROM \"' || t.name || '\"' FROM sqlite_schema t \
                        WHERE t.type = 'table' AND t.sql NOT LIKE 'CREATE VIRTUAL%'";
                    let queries: Vec<String> =
                        sqlx::query_scalar(tables).fetch_all(&mut *connection).await.unwrap();
                    for query in queries {
                        let rows: Vec<String> = sqlx::query_scalar(AssertSqlSafe(query))
                            .fetch_all(&mut *connection)
                            .await
                            .unwrap();
                        all.extend(rows);
                    }
                }
                Self::Postgres(connection) => {
                    let tables = "SELECT string_agg('SELECT ''' || tablename || ': '' || CAST(t AS TEXT) FROM ' \
                        || quote_ident(tablename) || ' t', ' UNION ALL ') \
                        FROM pg_tables WHERE schemaname = current_schema()";
                    let query: String = sqlx::query_scalar(tables).fetch_one(&mut *connection).await.unwrap();
                    all = sqlx::query_scalar(AssertSqlSafe(query)).fetch_all(connection).await.unwrap();
                }
            }
            all.sort_unstable();
            all
        }
    }

    /// Cuts the commit before its first statement, before its second, and so on, until it has no more.
    async fn cut_everywhere<S: Sql + Store>(
        store: &S,
        aside: &mut Aside,
        changes: &Changes,
        instead: Instead,
    ) {
        let cut = &store.vault().cut;
        let fewest = changes.list.len() as u32 - 1;
        for place in 0.. {
            let rows = aside.rows().await;
            cut.arm(place, instead.0);
            let result = store.commit(changes.clone()).await;
            if cut.disarm() {
                result.unwrap();
                assert_ne!(aside.rows().await, rows, "there is something to write");
                assert!(place > fewest, "{place} statements cannot be all");
                return;
            }
            assert_eq!(result.unwrap_err().kind(), instead.1, "before statement {place}");
            assert_eq!(aside.rows().await, rows, "before statement {place}");
            // It works on, on every connection that it has.
            let mut next = Changes::new("after".parse::<AccountId>().unwrap());
            next.push(Change::PutSignal(key(&place.to_string()), Bytes::from("v"))).push(event(100));
            store.commit(next).await.unwrap();
            assert!(aside.rows().await.len() > rows.len());
            store.last_event().await.unwrap().unwrap();
        }
    }

    async fn cut_all<S: Sql + Store>(store: &S, aside: &mut Aside, instead: Instead) {
        let lease = store.acquire_lease(account().workspace(), "lease", "me", 0, 10).await.unwrap().unwrap();
        store.commit(before()).await.unwrap();
        for changes in [writes(), removals()] {
            let changes = Changes { fence: Some(lease.fence()), ..changes };
            cut_everywhere(store, aside, &changes, instead).await;
        }
    }

    #[tokio::test]
    async fn a_commit_cut_at_any_statement_leaves_nothing_on_sqlite() {
        for instead in [REFUSED, ROLLED_BACK] {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("a.db");
            let store = SqliteStore::open(&path).await.unwrap();
            let connection = sqlx::sqlite::SqliteConnectOptions::new().filename(path).connect().await;
            cut_all(&store, &mut Aside::Sqlite(connection.unwrap()), instead).await;
            store.close().await;
        }
    }

    #[tokio::test]
    async fn a_commit_cut_at_any_statement_leaves_nothing_on_postgres() {
        let url = std::env::var("TEST_POSTGRES_URL")
            .expect("TEST_POSTGRES_URL names a PostgreSQL server that tests may make schemas on");
        let options: sqlx::postgres::PgConnectOptions = url.parse().unwrap();
        let separator = if url.contains('?') { '&' } else { '?' };
        for (number, instead) in [REFUSED_BY_SERVER, CONNECTION_LOST].into_iter().enumerate() {
            let schema = format!("test_cut_{}_{number}", std::process::id());
            let store =
                PostgresStore::open(&format!("{url}{separator}schema={schema}&connections=2")).await.unwrap();
            let connection = options.clone().options([("search_path", &schema)]).connect().await.unwrap();
            let mut aside = Aside::Postgres(connection);
            cut_all(&store, &mut aside, instead).await;
            store.close().await;
            let Aside::Postgres(mut connection) = aside else { unreachable!() };
            let drop = AssertSqlSafe(format!("DROP SCHEMA {schema} CASCADE"));
            sqlx::query(drop).execute(&mut connection).await.unwrap();
            connection.close().await.unwrap();
        }
    }
}
