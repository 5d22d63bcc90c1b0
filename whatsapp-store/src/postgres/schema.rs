//! The tables.
use sqlx::{
    AssertSqlSafe, PgConnection, SqlStr,
    migrate::{MigrateError, Migration, MigrationType, Migrator},
};

use super::error::{opening, sorted};
use crate::{
    Error, ErrorKind, Result,
    sql::{Connection, Handle, Vault, vault},
};

/// As in `migrations/postgres`; every backend has the same numbers.
const MIGRATIONS: [(i64, &str, &str); 10] = [
    (1, "messaging", include_str!("../../migrations/postgres/0001_messaging.sql")),
    (2, "contacts", include_str!("../../migrations/postgres/0002_contacts.sql")),
    (3, "campaigns", include_str!("../../migrations/postgres/0003_campaigns.sql")),
    (4, "flows", include_str!("../../migrations/postgres/0004_flows.sql")),
    (5, "team", include_str!("../../migrations/postgres/0005_team.sql")),
    (6, "webhooks", include_str!("../../migrations/postgres/0006_webhooks.sql")),
    (7, "counters", include_str!("../../migrations/postgres/0007_counters.sql")),
    (8, "audit", include_str!("../../migrations/postgres/0008_audit.sql")),
    (9, "limits", include_str!("../../migrations/postgres/0009_limits.sql")),
    (10, "edits", include_str!("../../migrations/postgres/0010_edits.sql")),
];

/// Makes the schema and its tables, or brings them up to date.
pub(super) async fn prepare(connection: &mut PgConnection, schema: &str, vault: &Vault) -> Result<()> {
    // Two nodes that both find no schema would both make it, and one would fail.
    let there: bool = sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM pg_namespace WHERE nspname = $1)")
        .bind(schema)
        .fetch_one(&mut *connection)
        .await
        .map_err(opening)?;
    if !there {
        // The name has been checked: it is plain.
        let make = format!("CREATE SCHEMA IF NOT EXISTS {schema}");
        let made = sqlx::query(AssertSqlSafe(make)).execute(&mut *connection).await;
        if let Err(error) = made
            && !is_there_already(&error)
        {
            return Err(opening(error));
        }
    }
    migrator().run(&mut *connection).await.map_err(migrating)?;
    vault::admit(&mut Connection { handle: Handle::Postgres(connection), vault }).await
}

/// `unique_violation` and `duplicate_schema`: another node was faster.
fn is_there_already(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(|error| error.code());
    matches!(code.as_deref(), Some("23505" | "42P06"))
}

fn migrator() -> Migrator {
    let migrations = MIGRATIONS.map(|(version, name, sql)| {
        Migration::new(version, name.into(), MigrationType::Simple, SqlStr::from_static(sql), false)
    });
    Migrator::with_migrations(migrations.into())
}

fn migrating(error: MigrateError) -> Error {
    const DOING: &str = "preparing the tables of the PostgreSQL database";
    match error {
        MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => sorted(DOING, error),
        MigrateError::VersionMissing(_) => Error::new(ErrorKind::NewerSchema, DOING).because(error),
        error => Error::new(ErrorKind::Corrupt, DOING).because(error),
    }
}
