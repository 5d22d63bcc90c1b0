//! Servers that are absent, refuse access, or are lost during a call.
use std::{
    net::TcpListener,
    sync::Arc,
    time::{Duration, Instant},
};

use sqlx::{AssertSqlSafe, Connection, PgConnection};
use whatsapp_store::{Change, Changes, ErrorKind, EventChange, NewEvent, Store, open};

use crate::{
    account, assert_readable, assert_says, assert_unreadable,
    postgres_server::{Schema, private::Server},
    proxy::Proxy,
    put, records,
};

async fn execute(connection: &mut PgConnection, statement: &str) {
    sqlx::query(AssertSqlSafe(statement.to_owned())).execute(connection).await.unwrap();
}

/// Asks again until the store answers: nothing outside repairs it.
async fn recovered(store: &Arc<dyn Store>) {
    let started = Instant::now();
    while let Err(error) = store.commit(put("recovered", 1)).await {
        assert_eq!(error.kind(), ErrorKind::Busy, "{error}");
        assert!(started.elapsed() < Duration::from_secs(30), "{error}");
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_user_without_access_gets_unreachable() {
    let server = Server::start().await;
    server.allow("host all ann,bob 127.0.0.1/32 scram-sha-256").await;
    let mut aside = server.connect().await;
    for statement in [
        "CREATE ROLE ann LOGIN PASSWORD 'right'",
        "CREATE ROLE bob LOGIN PASSWORD 'right'",
        "CREATE DATABASE shop OWNER ann",
    ] {
        execute(&mut aside, statement).await;
    }
    let refused = async |user: &str, database: &str| {
        let error = open(&server.url_of(user, database, "")).await.unwrap_err();
        assert!(!error.to_string().contains("wrong-secret"), "{error}");
        error
    };
    open(&server.url_of("ann:right", "shop", "")).await.unwrap().close().await;
    let wrong = refused("ann:wrong-secret", "shop").await;
    assert_says(&wrong, ErrorKind::Unreachable, "password authentication failed");
    let none = refused("ann", "shop").await;
    assert_says(&none, ErrorKind::Unreachable, "password");
    assert_says(&refused("nobody:right", "shop").await, ErrorKind::Unreachable, "nobody");
    assert_says(&refused("ann:right", "no_shop").await, ErrorKind::Unreachable, "no_shop");
    // Bob may connect, but may neither create tables nor read Ann's.
    assert_says(&refused("bob:right", "postgres").await, ErrorKind::Unreachable, "permission denied");
    assert_says(&refused("bob:right", "shop").await, ErrorKind::Unreachable, "no schema");
    aside.close().await.unwrap();
}

#[tokio::test]
async fn a_read_only_server_can_be_read() {
    let server = Server::start().await;
    let store = open(&server.url("")).await.unwrap();
    store.commit(records()).await.unwrap();
    let mut aside = server.connect().await;
    execute(&mut aside, "ALTER SYSTEM SET default_transaction_read_only = on").await;
    execute(&mut aside, "SELECT pg_reload_conf()").await;
    let started = Instant::now();
    let error = loop {
        match store.commit(put("k", 1)).await {
            Err(error) => break error,
            Ok(()) => assert!(started.elapsed() < Duration::from_secs(30), "the setting takes no effect"),
        }
    };
    assert_says(&error, ErrorKind::Full, "read-only transaction");
    assert_readable(&store).await;
    assert_says(&open(&server.url("")).await.unwrap_err(), ErrorKind::Full, "read-only transaction");
    assert_says(&open(&server.url("schema=new")).await.unwrap_err(), ErrorKind::Full, "read-only");
    execute(&mut aside, "SET default_transaction_read_only = off").await;
    execute(&mut aside, "ALTER SYSTEM RESET default_transaction_read_only").await;
    execute(&mut aside, "SELECT pg_reload_conf()").await;
    while let Err(error) = store.commit(put("k", 1)).await {
        assert_eq!(error.kind(), ErrorKind::Full);
        assert!(started.elapsed() < Duration::from_secs(60), "the setting takes no effect");
    }
    store.close().await;
    aside.close().await.unwrap();
}

#[tokio::test]
async fn a_missing_server_is_unreachable() {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let url = format!("postgres://postgres@127.0.0.1:{port}/postgres?patience=300");
    assert_says(&open(&url).await.unwrap_err(), ErrorKind::Unreachable, "refused");
    let url = "postgres://postgres@no-such-host.invalid/postgres?patience=300";
    assert_says(&open(url).await.unwrap_err(), ErrorKind::Unreachable, "");
}

#[tokio::test]
async fn calls_are_busy_until_a_stopped_server_is_back() {
    let mut server = Server::start().await;
    let store = open(&server.url("patience=300")).await.unwrap();
    store.commit(records()).await.unwrap();
    server.kill();
    assert_says(&store.commit(put("k", 1)).await.unwrap_err(), ErrorKind::Busy, "");
    assert_unreadable(&store, ErrorKind::Busy).await;
    server.run().await;
    recovered(&store).await;
    assert_readable(&store).await;
    store.close().await;
}

/// A store whose connections go through a proxy.
async fn through(proxy: &Proxy, schema: &Schema, options: &str) -> Arc<dyn Store> {
    open(&schema.url_by(proxy.port, options)).await.unwrap()
}

#[tokio::test]
async fn calls_are_busy_while_the_network_is_cut() {
    let schema = Schema::new();
    let proxy = Proxy::to(Schema::server()).await;
    let store = through(&proxy, &schema, "patience=500").await;
    store.commit(records()).await.unwrap();
    assert_readable(&store).await;
    proxy.cut();
    assert_says(&store.commit(put("lost", 1)).await.unwrap_err(), ErrorKind::Busy, "writing");
    assert_unreadable(&store, ErrorKind::Busy).await;
    proxy.mend();
    recovered(&store).await;
    assert_readable(&store).await;
    store.close().await;
}

#[tokio::test]
async fn a_commit_that_is_cut_off_leaves_nothing() {
    let schema = Schema::new();
    let proxy = Proxy::to(Schema::server()).await;
    let store = through(&proxy, &schema, "").await;
    store.commit(records()).await.unwrap();
    let mut aside = schema.connect().await;
    let mut lock = aside.begin().await.unwrap();
    sqlx::query("LOCK TABLE outgoing").execute(&mut *lock).await.unwrap();
    let (changes, committing) = (Changes { ..records() }, store.clone());
    let commit = tokio::spawn(async move {
        let mut changes = changes;
        changes.list.insert(0, Change::PutSignal(crate::key("half"), vec![1].into()));
        committing.commit(changes).await
    });
    waits_for_a_lock(&schema).await;
    proxy.cut();
    assert_says(&commit.await.unwrap().unwrap_err(), ErrorKind::Busy, "writing");
    lock.commit().await.unwrap();
    proxy.mend();
    recovered(&store).await;
    let half = store.signal(&account(), &[crate::key("half")]).await.unwrap();
    assert_eq!(half, [None]);
    store.close().await;
}

/// A machine that loses its power says nothing, and neither does a cable that is pulled.
#[tokio::test]
async fn calls_to_a_silent_server_end_as_busy() {
    let schema = Schema::new();
    let proxy = Proxy::to(Schema::server()).await;
    let store = through(&proxy, &schema, "patience=300&deadline=500").await;
    store.commit(records()).await.unwrap();
    assert_readable(&store).await;
    proxy.fall_silent();
    let commit = tokio::time::timeout(Duration::from_secs(30), store.commit(put("k", 1))).await;
    assert_says(&commit.expect("the commit ends").unwrap_err(), ErrorKind::Busy, "");
    let reads = tokio::time::timeout(Duration::from_secs(30), assert_unreadable(&store, ErrorKind::Busy));
    reads.await.expect("the reads end");
    proxy.mend();
    recovered(&store).await;
    assert_readable(&store).await;
    store.close().await;
}

/// Some connection of the schema's store waits for another.
async fn waits_for_a_lock(schema: &Schema) {
    let mut connection = schema.connect().await;
    let text = "SELECT count(*) FROM pg_locks l JOIN pg_class c ON c.oid = l.relation \
        JOIN pg_namespace n ON n.oid = c.relnamespace WHERE NOT l.granted AND n.nspname = $1";
    let started = Instant::now();
    loop {
        let count: i64 =
            sqlx::query_scalar(text).bind(&schema.name).fetch_one(&mut connection).await.unwrap();
        if count > 0 {
            return connection.close().await.unwrap();
        }
        assert!(started.elapsed() < Duration::from_secs(30), "nobody waits");
    }
}

#[tokio::test]
async fn an_exhausted_pool_is_busy() {
    let schema = Schema::new();
    let url = format!("{}&connections=1&patience=300", schema.url());
    let store = open(&url).await.unwrap();
    store.commit(records()).await.unwrap();
    assert_readable(&store).await;
    let mut aside = schema.connect().await;
    let mut lock = aside.begin().await.unwrap();
    sqlx::query("LOCK TABLE device").execute(&mut *lock).await.unwrap();
    let committing = store.clone();
    let commit = tokio::spawn(async move { committing.commit(records()).await });
    waits_for_a_lock(&schema).await;
    assert_says(&store.commit(put("k", 1)).await.unwrap_err(), ErrorKind::Busy, "timed out");
    assert_unreadable(&store, ErrorKind::Busy).await;
    lock.commit().await.unwrap();
    commit.await.unwrap().unwrap();
    assert_readable(&store).await;
    store.close().await;
}

#[tokio::test]
async fn event_waiters_wake_up_when_a_cut_connection_is_back() {
    let schema = Schema::new();
    let proxy = Proxy::to(Schema::server()).await;
    let store = through(&proxy, &schema, "").await;
    let beside = open(&schema.url()).await.unwrap();
    let event = NewEvent { key: "k".into(), data: "{}".into(), at: 1 };
    let mut changes = Changes::new(account());
    changes.push(EventChange::Put(event));
    beside.commit(changes.clone()).await.unwrap();
    recovered(&store).await;
    let last = loop {
        if let Some(last) = store.last_event().await.unwrap() {
            break last;
        }
    };
    let (waiting, after) = (store.clone(), last.clone());
    let waiter = tokio::spawn(async move { waiting.new_events(Some(&after)).await });
    // The waiter has asked once, found nothing, and waits for a hint.
    listens(&schema).await;
    proxy.cut();
    beside.commit(changes).await.unwrap();
    proxy.mend();
    match tokio::time::timeout(Duration::from_secs(30), waiter).await {
        Ok(woken) => assert!(woken.unwrap().is_ok_and(|()| true)),
        Err(_) => panic!("nobody was woken"),
    }
    store.close().await;
    beside.close().await;
}

/// Some connection listens for this schema's events.
async fn listens(schema: &Schema) {
    let mut connection = schema.connect().await;
    let text =
        "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'LISTEN %' || $1 || '%' AND state = 'idle'";
    let started = Instant::now();
    loop {
        let count: i64 =
            sqlx::query_scalar(text).bind(&schema.name).fetch_one(&mut connection).await.unwrap();
        // One for each store.
        if count > 1 {
            return connection.close().await.unwrap();
        }
        assert!(started.elapsed() < Duration::from_secs(30), "nobody listens");
    }
}
