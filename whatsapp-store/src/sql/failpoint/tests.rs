use bytes::Bytes;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection as _, PgConnection, SqliteConnection};

use super::super::Sql;
use super::{
    contacts,
    samples::{self, account, changes, event, key},
    workspace::{self, Claims},
};
use crate::{AccountId, Change, Changes, ErrorKind, Store, postgres::PostgresStore, sqlite::SqliteStore};

/// The statement that is sent instead, and the kind of error that follows.
type Instead = (&'static str, ErrorKind);

const REFUSED: Instead = ("SELECT abs(-9223372036854775807 - 1)", ErrorKind::Other);
const REFUSED_BY_SERVER: Instead = ("SELECT 1 / 0", ErrorKind::Other);
/// Ends the whole transaction, as a full disk may.
const ROLLED_BACK: Instead = ("INSERT OR ROLLBACK INTO vault_key (id) VALUES (NULL)", ErrorKind::Other);
const CONNECTION_LOST: Instead = ("SELECT pg_terminate_backend(pg_backend_pid())", ErrorKind::Busy);

/// Every row of every table, read past the store.
enum Side {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
}

impl Side {
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
                    let rows: Vec<String> =
                        sqlx::query_scalar(AssertSqlSafe(query)).fetch_all(&mut *connection).await.unwrap();
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

/// Interrupts the commit before its first statement, before its second, and so on, until it has no more.
async fn fail_everywhere<S: Sql + Store>(store: &S, side: &mut Side, changes: &Changes, instead: Instead) {
    let failpoint = &store.vault().failpoint;
    let fewest = changes.list.len() as u32 - 1;
    for place in 0.. {
        let rows = side.rows().await;
        failpoint.arm(place, instead.0);
        let result = store.commit(changes.clone()).await;
        if failpoint.disarm() {
            result.unwrap();
            assert_ne!(side.rows().await, rows, "there is something to write");
            assert!(place > fewest, "{place} statements cannot be all");
            return;
        }
        assert_eq!(result.unwrap_err().kind(), instead.1, "before statement {place}");
        assert_eq!(side.rows().await, rows, "before statement {place}");
        // The store keeps working, on every connection that it has.
        let mut next = Changes::new("after".parse::<AccountId>().unwrap());
        next.push(Change::PutSignal(key(&place.to_string()), Bytes::from("v"))).push(event(100));
        store.commit(next).await.unwrap();
        assert!(side.rows().await.len() > rows.len());
        store.last_event().await.unwrap();
    }
}

async fn fail_all<S: Sql + Store>(store: &S, side: &mut Side, instead: Instead) {
    let lease = store.acquire_lease(account().workspace(), "lease", "me", 0, 10).await.unwrap().unwrap();
    store
        .commit(changes([samples::before(), workspace::before(), contacts::before()].concat()))
        .await
        .unwrap();
    let claims = Claims::take(store).await;
    let writes = [samples::writes(), workspace::writes(&claims), contacts::writes()].concat();
    let removals = [contacts::removals(), workspace::removals(), samples::removals()].concat();
    for list in [writes, removals] {
        let changes = Changes { fence: Some(lease.fence()), ..changes(list) };
        fail_everywhere(store, side, &changes, instead).await;
    }
    store.commit(changes(samples::before())).await.unwrap();
    fail_everywhere(store, side, &changes(workspace::everything()), instead).await;
}

#[tokio::test]
async fn a_commit_that_fails_at_any_statement_leaves_nothing_on_sqlite() {
    for instead in [REFUSED, ROLLED_BACK] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.db");
        let store = SqliteStore::open(&path).await.unwrap();
        let connection = sqlx::sqlite::SqliteConnectOptions::new().filename(path).connect().await;
        fail_all(&store, &mut Side::Sqlite(connection.unwrap()), instead).await;
        store.close().await;
    }
}

#[tokio::test]
async fn a_commit_that_fails_at_any_statement_leaves_nothing_on_postgres() {
    let url = std::env::var("TEST_POSTGRES_URL")
        .expect("TEST_POSTGRES_URL names a PostgreSQL server that tests may make schemas on");
    let options: sqlx::postgres::PgConnectOptions = url.parse().unwrap();
    let separator = if url.contains('?') { '&' } else { '?' };
    for (number, instead) in [REFUSED_BY_SERVER, CONNECTION_LOST].into_iter().enumerate() {
        let schema = format!("test_failpoint_{}_{number}", std::process::id());
        let store =
            PostgresStore::open(&format!("{url}{separator}schema={schema}&connections=2")).await.unwrap();
        let connection = options.clone().options([("search_path", &schema)]).connect().await.unwrap();
        let mut side = Side::Postgres(connection);
        fail_all(&store, &mut side, instead).await;
        store.close().await;
        let Side::Postgres(mut connection) = side else { unreachable!() };
        let drop = AssertSqlSafe(format!("DROP SCHEMA {schema} CASCADE"));
        sqlx::query(drop).execute(&mut connection).await.unwrap();
        connection.close().await.unwrap();
    }
}
