//! Databases that are another version's, another program's, or sealed with another key.
use whatsapp_store::ErrorKind;

use crate::{assert_readable, assert_says, postgres_server::database::Database, records};

const ONE: &str = "1111111111111111111111111111111111111111111111111111111111111111";
const TWO: &str = "2222222222222222222222222222222222222222222222222222222222222222";

#[tokio::test]
async fn a_newer_schema_asks_for_a_newer_program() {
    for database in Database::both() {
        let store = database.open().await.unwrap();
        store.commit(records()).await.unwrap();
        store.close().await;
        let insert = "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)";
        let sqlite = format!("{insert} VALUES (9999, 'from the future', TRUE, x'00', 0)");
        let postgres = format!("{insert} VALUES (9999, 'from the future', TRUE, decode('00', 'hex'), 0)");
        database.run(&sqlite, &postgres).await;
        for _ in 0..2 {
            assert_says(&database.open().await.unwrap_err(), ErrorKind::NewerSchema, "9999");
        }
        let back = "DELETE FROM _sqlx_migrations WHERE version = 9999";
        database.run(back, back).await;
        assert_readable(&database.open().await.unwrap()).await;
    }
}

#[tokio::test]
async fn a_migration_with_another_text_is_corrupt() {
    for database in Database::both() {
        database.open().await.unwrap().close().await;
        let update = "UPDATE _sqlx_migrations SET checksum = ";
        let (sqlite, postgres) = (format!("{update} x'00'"), format!("{update} decode('00', 'hex')"));
        database.run(&sqlite, &postgres).await;
        assert_says(&database.open().await.unwrap_err(), ErrorKind::Corrupt, "");
    }
}

#[tokio::test]
async fn tables_of_another_program_are_left_alone() {
    for database in Database::both() {
        let sqlite = "CREATE TABLE message (id INTEGER PRIMARY KEY)";
        if let Database::Postgres(schema) = &database {
            let make = format!("CREATE SCHEMA {}", schema.name);
            let mut connection = schema.connect().await;
            sqlx::query(sqlx::AssertSqlSafe(make)).execute(&mut connection).await.unwrap();
        }
        database.run(sqlite, sqlite).await;
        assert_says(&database.open().await.unwrap_err(), ErrorKind::Corrupt, "");
        let insert = "INSERT INTO message (id) VALUES (1)";
        database.run(insert, insert).await;
    }
}

#[tokio::test]
async fn a_missing_table_is_corrupt_and_its_records_are_not_absent() {
    for database in Database::both() {
        let store = database.open().await.unwrap();
        store.commit(records()).await.unwrap();
        database.run("DROP TABLE session", "DROP TABLE session").await;
        let session = store.session(&crate::account()).await;
        assert_says(&session.unwrap_err(), ErrorKind::Corrupt, "session");
        assert_says(&store.commit(records()).await.unwrap_err(), ErrorKind::Corrupt, "session");
        assert!(store.device(&crate::account()).await.unwrap().is_some());
        store.close().await;
    }
}

#[tokio::test]
async fn a_wrong_or_missing_key_error_names_the_right_key() {
    for database in Database::both() {
        let store = database.open_sealed(&[ONE]).await.unwrap();
        store.commit(records()).await.unwrap();
        store.close().await;
        let missing = database.open().await.unwrap_err();
        assert_says(&missing, ErrorKind::WrongKey, "no key was given");
        let wrong = database.open_sealed(&[TWO]).await.unwrap_err();
        assert_says(&wrong, ErrorKind::WrongKey, "it is not among those given");
        for error in [missing, wrong] {
            let said = error.to_string();
            assert!(!said.contains(ONE) && !said.contains(TWO), "{said}");
            let (_, rest) = said.split_once("with the id ").unwrap();
            let id = rest.split(',').next().unwrap();
            assert!(id.len() == 16 && id.bytes().all(|byte| byte.is_ascii_hexdigit()), "{said}");
        }
        assert_readable(&database.open_sealed(&[TWO, ONE]).await.unwrap()).await;
    }
}
