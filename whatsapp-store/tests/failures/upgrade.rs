//! Databases that the previous build has made, with their contents.
use sqlx::{
    ConnectOptions, Connection, SqlStr,
    migrate::{Migration, MigrationType, Migrator},
    sqlite::SqliteConnectOptions,
};
use whatsapp_store::{
    CampaignChange, Changes, ContactedChange, Effect, ErrorKind, Outcome,
    RecipientFlag::{Clicked, OptedOut, Replied},
    SettingChange, Settlement, WorkspaceId,
};

use crate::{assert_readable, assert_says, postgres_server::database::Database, records};

/// All migrations of the previous build, as they were released.
macro_rules! before {
    ($folder:literal) => {
        [
            include_str!(concat!("../../migrations/", $folder, "/0001_messaging.sql")),
            include_str!(concat!("../../migrations/", $folder, "/0002_contacts.sql")),
            include_str!(concat!("../../migrations/", $folder, "/0003_campaigns.sql")),
            include_str!(concat!("../../migrations/", $folder, "/0004_flows.sql")),
            include_str!(concat!("../../migrations/", $folder, "/0005_team.sql")),
            include_str!(concat!("../../migrations/", $folder, "/0006_webhooks.sql")),
            include_str!(concat!("../../migrations/", $folder, "/0007_counters.sql")),
            include_str!(concat!("../../migrations/", $folder, "/0008_audit.sql")),
        ]
    };
}

fn migrator(texts: [&'static str; 8]) -> Migrator {
    let migrations = (1..).zip(texts).map(|(version, text)| {
        Migration::new(version, "before".into(), MigrationType::Simple, SqlStr::from_static(text), false)
    });
    Migrator::with_migrations(migrations.collect())
}

/// Makes the tables of the build before.
async fn make(database: &Database) {
    match database {
        Database::Sqlite(folder) => {
            let path = folder.path().join("bot.db");
            let options = SqliteConnectOptions::new().filename(path).create_if_missing(true);
            let mut connection = options.connect().await.unwrap();
            migrator(before!("sqlite")).run_direct(None, &mut connection, false).await.unwrap();
            connection.close().await.unwrap();
        }
        Database::Postgres(schema) => {
            database.run("", &format!("CREATE SCHEMA {}", schema.name)).await;
            let mut connection = schema.connect().await;
            migrator(before!("postgres")).run(&mut connection).await.unwrap();
            connection.close().await.unwrap();
        }
    }
}

/// A campaign with two lanes. Of six recipients four have flags, and one of these a flag of a later version.
const CAMPAIGN: [&str; 3] = [
    "INSERT INTO campaign (workspace, id, number, name, state, definition, base_at, created_at, updated_at) \
     VALUES ('default', 'c', 1, 'n', 5, '{}', 0, 0, 0)",
    "INSERT INTO campaign_lane (campaign, lane, next, \"end\", definition) \
     VALUES (1, 1, 3, 3, '{}'), (1, 2, 3, 3, '{}')",
    "INSERT INTO campaign_recipient (id, state, flags) VALUES \
     (1 * 2147483648, 3, 67), (1 * 2147483648 + 1, 3, 1), (1 * 2147483648 + 2, 3, 0), \
     (2 * 2147483648, 3, 3), (2 * 2147483648 + 1, 3, 0), (2 * 2147483648 + 2, 3, 1)",
];

#[tokio::test]
async fn a_database_of_the_previous_build_keeps_its_contents() {
    for database in Database::both() {
        make(&database).await;
        for statement in CAMPAIGN {
            database.run(statement, statement).await;
        }
        let w = WorkspaceId::default();
        for again in [false, true] {
            let store = database.open().await.unwrap();
            if !again {
                store.commit(records()).await.unwrap();
                let mut changes = Changes::new(w.clone());
                changes
                    .push(SettingChange::Seed { name: "key".into(), value: "drawn".into() })
                    .push(ContactedChange::Note { sender: "a".into(), people: vec![(1, 2)] });
                store.commit(changes).await.unwrap();
            }
            assert_readable(&store).await;
            assert_eq!(store.setting(&w, "key").await.unwrap(), Some("drawn".into()));
            assert_eq!(store.contacted_by(&w, "a", 0).await.unwrap(), [(1, 2)]);
            store.close().await;
        }
    }
}

#[tokio::test]
async fn flags_set_before_the_upgrade_are_counted() {
    for database in Database::both() {
        make(&database).await;
        for statement in CAMPAIGN {
            database.run(statement, statement).await;
        }
        let (store, w) = (database.open().await.unwrap(), WorkspaceId::default());
        let counts = store.campaign_flags(&w, "c").await.unwrap();
        assert_eq!(counts.0.into_iter().collect::<Vec<_>>(), [(Replied, 4), (Clicked, 2)]);
        let flags = Replied.bit() | OptedOut.bit();
        let effect = Effect { flags, from: u64::MAX, ..Effect::default() };
        let outcomes = (0..3).map(|seq| Outcome { seq, effect, retry_at: None }).collect();
        let settlement = Settlement { campaign: "c".into(), lane: 1, epoch: None, at: 1, outcomes };
        let mut changes = Changes::new(w.clone());
        changes.push(CampaignChange::Settle(settlement));
        store.commit(changes).await.unwrap();
        let counts = store.campaign_flags(&w, "c").await.unwrap();
        assert_eq!([Replied, Clicked, OptedOut].map(|flag| counts.of(flag)), [5, 2, 3]);
        store.close().await;
    }
}

#[tokio::test]
async fn a_changed_migration_is_named() {
    for database in Database::both() {
        make(&database).await;
        let update = "UPDATE _sqlx_migrations SET checksum = ";
        let (sqlite, postgres) = (format!("{update} x'00'"), format!("{update} decode('00', 'hex')"));
        let of_one = |text: String| text + " WHERE version = 3";
        database.run(&of_one(sqlite), &of_one(postgres)).await;
        for _ in 0..2 {
            let error = database.open().await.unwrap_err();
            assert_says(
                &error,
                ErrorKind::Corrupt,
                "migration 3 was previously applied but has been modified",
            );
        }
        // And nothing new was made.
        let none = "CREATE TABLE setting (workspace INTEGER)";
        database.run(none, none).await;
    }
}
