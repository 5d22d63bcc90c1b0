//! Statements on their way to a database.
use super::{Dialect, Row, Statement, Vault, statement::Value};
use crate::{Error, ErrorKind, Result};

/// A connection within a transaction.
pub(crate) struct Connection<'c> {
    pub(crate) handle: Handle<'c>,
    pub(crate) vault: &'c Vault,
}

/// The driver's connection.
pub(crate) enum Handle<'c> {
    #[cfg(feature = "sqlite")]
    Sqlite(&'c mut sqlx::SqliteConnection),
    #[cfg(feature = "postgres")]
    Postgres(&'c mut sqlx::PgConnection),
}

impl Connection<'_> {
    pub(crate) const fn dialect(&self) -> Dialect {
        match self.handle {
            #[cfg(feature = "sqlite")]
            Handle::Sqlite(_) => Dialect::Sqlite,
            #[cfg(feature = "postgres")]
            Handle::Postgres(_) => Dialect::Postgres,
        }
    }

    /// Executes it; says how many rows it wrote.
    pub(crate) async fn execute(&mut self, statement: Statement<'_>) -> Result<u64> {
        #[cfg(all(test, feature = "sqlite", feature = "postgres"))]
        let statement = self.vault.failpoint.through(statement);
        match &mut self.handle {
            #[cfg(feature = "sqlite")]
            Handle::Sqlite(connection) => {
                let done = sqlite(statement, self.vault)?.execute(&mut **connection).await;
                Ok(done.map_err(crate::sqlite::error::writing)?.rows_affected())
            }
            #[cfg(feature = "postgres")]
            Handle::Postgres(connection) => {
                let done = postgres(statement, self.vault)?.execute(&mut **connection).await;
                Ok(done.map_err(crate::postgres::error::writing)?.rows_affected())
            }
        }
    }

    /// The rows of a query, or of a write that returns some.
    pub(crate) async fn fetch(&mut self, statement: Statement<'_>) -> Result<Vec<Row>> {
        #[cfg(all(test, feature = "sqlite", feature = "postgres"))]
        let statement = self.vault.failpoint.through(statement);
        match &mut self.handle {
            #[cfg(feature = "sqlite")]
            Handle::Sqlite(connection) => {
                let rows = sqlite(statement, self.vault)?.fetch_all(&mut **connection).await;
                Ok(rows.map_err(crate::sqlite::error::writing)?.into_iter().map(Row::Sqlite).collect())
            }
            #[cfg(feature = "postgres")]
            Handle::Postgres(connection) => {
                let rows = postgres(statement, self.vault)?.fetch_all(&mut **connection).await;
                Ok(rows.map_err(crate::postgres::error::writing)?.into_iter().map(Row::Postgres).collect())
            }
        }
    }
}

macro_rules! bind {
    ($query:expr, $arguments:expr, $vault:expr, $text:path, $lists:ident) => {{
        let mut query = $query;
        for value in $arguments {
            query = match value {
                Value::Int(value) => query.bind(value),
                Value::Text(value) => query.bind(value.map($text)),
                Value::Bytes(value) => query.bind(value),
                Value::Sealed(value, place) => query.bind($vault.seal_and_wipe(value, &place)?),
                list => $lists(query, list)?,
            };
        }
        query
    }};
}

#[cfg(feature = "sqlite")]
pub(crate) use self::for_sqlite::sqlite;
#[cfg(feature = "sqlite")]
mod for_sqlite {
    use sqlx::{Sqlite, query::Query, sqlite::SqliteArguments};

    use super::*;

    type Bound = Query<'static, Sqlite, SqliteArguments>;

    pub(crate) fn sqlite(statement: Statement<'_>, vault: &Vault) -> Result<Bound> {
        let query = sqlx::query(statement.text);
        Ok(bind!(query, statement.arguments, vault, std::convert::identity, lists))
    }

    fn lists(query: Bound, value: Value<'_>) -> Result<Bound> {
        let json = match value {
            Value::Ints(values) => serde_json::to_string(&values),
            Value::Texts(values) => serde_json::to_string(&values),
            _ => return Err(Error::new(ErrorKind::Other, "binding a list of bytes, which SQLite has not")),
        };
        let json = json.map_err(|error| Error::new(ErrorKind::Other, "writing a list").because(error))?;
        Ok(query.bind(json))
    }
}

#[cfg(feature = "postgres")]
pub(crate) use self::for_postgres::{plain, postgres};
#[cfg(feature = "postgres")]
mod for_postgres {
    use std::borrow::Cow;

    use sqlx::{Postgres, postgres::PgArguments, query::Query};

    use super::*;

    type Bound = Query<'static, Postgres, PgArguments>;

    pub(crate) fn postgres(statement: Statement<'_>, vault: &Vault) -> Result<Bound> {
        let query = sqlx::query(statement.text);
        Ok(bind!(query, statement.arguments, vault, storable, lists))
    }

    fn lists(query: Bound, value: Value<'_>) -> Result<Bound> {
        Ok(match value {
            Value::Ints(values) => query.bind(values),
            Value::Texts(values) => {
                let values: Vec<_> =
                    values.into_iter().map(|text| storable(text.into()).into_owned()).collect();
                query.bind(values)
            }
            Value::ManyBytes(values) => query.bind(values),
            _ => return Err(Error::new(ErrorKind::Other, "binding a value")),
        })
    }

    /// PostgreSQL's text cannot hold U+0000, and strangers send it. It is stored as U+0001 U+0001, and U+0001 as
    /// U+0001 U+0002, which keeps texts apart and in order.
    fn storable(text: Cow<'_, str>) -> Cow<'_, str> {
        if text.bytes().all(|byte| byte > 1) {
            return text;
        }
        Cow::Owned(text.replace('\u{1}', "\u{1}\u{2}").replace('\0', "\u{1}\u{1}"))
    }

    /// What [`storable`] was made from.
    pub(crate) fn plain(text: String) -> String {
        if !text.contains('\u{1}') {
            return text;
        }
        let mut out = String::with_capacity(text.len());
        let mut chars = text.chars();
        while let Some(char) = chars.next() {
            let escaped = char == '\u{1}' && chars.next() == Some('\u{1}');
            out.push(if escaped { '\0' } else { char });
        }
        out
    }

    #[cfg(test)]
    mod tests {
        use proptest::prelude::*;

        use super::*;

        proptest! {
            #[test]
            fn stored_text_comes_back_in_the_same_order(a in "[\0\u{1}\u{2}b]{0,6}", b in "[\0\u{1}\u{2}b]{0,6}") {
                let stored = |text: &String| storable(text.into()).into_owned();
                prop_assert!(!stored(&a).contains('\0'));
                prop_assert_eq!(plain(stored(&a)), a.clone());
                prop_assert_eq!(stored(&a).cmp(&stored(&b)), a.cmp(&b));
            }
        }
    }
}
