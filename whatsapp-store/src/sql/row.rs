//! One row of a result, by the numbers of its columns.
use bytes::Bytes;
#[cfg(feature = "postgres")]
use sqlx::{Column, TypeInfo};

use crate::{Error, ErrorKind, Result};

pub(crate) enum Row {
    #[cfg(feature = "sqlite")]
    Sqlite(sqlx::sqlite::SqliteRow),
    #[cfg(feature = "postgres")]
    Postgres(sqlx::postgres::PgRow),
}

macro_rules! column {
    ($row:expr, $place:expr) => {
        match $row {
            #[cfg(feature = "sqlite")]
            Row::Sqlite(row) => sqlx::Row::try_get(row, $place).map_err(unexpected),
            #[cfg(feature = "postgres")]
            Row::Postgres(row) => sqlx::Row::try_get(row, $place).map_err(unexpected),
        }
    };
}

fn unexpected(error: sqlx::Error) -> Error {
    Error::new(ErrorKind::Corrupt, "reading a column").because(error)
}

impl Row {
    pub(crate) fn opt_int(&self, place: usize) -> Result<Option<i64>> {
        match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite(row) => sqlx::Row::try_get(row, place).map_err(unexpected),
            #[cfg(feature = "postgres")]
            Self::Postgres(row) => match sqlx::Row::column(row, place).type_info().name() {
                "INT2" => sqlx::Row::try_get::<Option<i16>, _>(row, place).map(|value| value.map(i64::from)),
                "INT4" => sqlx::Row::try_get::<Option<i32>, _>(row, place).map(|value| value.map(i64::from)),
                _ => sqlx::Row::try_get(row, place),
            }
            .map_err(unexpected),
        }
    }

    pub(crate) fn int(&self, place: usize) -> Result<i64> {
        self.opt_int(place)?.ok_or_else(|| super::damaged("a number is missing"))
    }

    /// A number that has to be one of a small range, such as a code.
    pub(crate) fn small<T: TryFrom<i64>>(&self, place: usize) -> Result<T> {
        T::try_from(self.int(place)?).map_err(|_| super::damaged("a number is out of its range"))
    }

    pub(crate) fn flag(&self, place: usize) -> Result<bool> {
        Ok(self.int(place)? != 0)
    }

    pub(crate) fn opt_text(&self, place: usize) -> Result<Option<String>> {
        match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite(row) => sqlx::Row::try_get(row, place).map_err(unexpected),
            #[cfg(feature = "postgres")]
            Self::Postgres(row) => {
                let text: Option<String> = sqlx::Row::try_get(row, place).map_err(unexpected)?;
                Ok(text.map(super::connection::plain))
            }
        }
    }

    pub(crate) fn text(&self, place: usize) -> Result<String> {
        self.opt_text(place)?.ok_or_else(|| super::damaged("a text is missing"))
    }

    pub(crate) fn opt_bytes(&self, place: usize) -> Result<Option<Bytes>> {
        let bytes: Result<Option<Vec<u8>>> = column!(self, place);
        Ok(bytes?.map(Bytes::from))
    }

    pub(crate) fn bytes(&self, place: usize) -> Result<Bytes> {
        self.opt_bytes(place)?.ok_or_else(|| super::damaged("bytes are missing"))
    }
}

/// Common operations on rows.
pub(crate) trait Rows {
    /// Reads the first, if there is one.
    fn one<T>(self, read: impl FnOnce(&Row) -> Result<T>) -> Result<Option<T>>;
    /// Reads all.
    fn all<T>(self, read: impl FnMut(&Row) -> Result<T>) -> Result<Vec<T>>;
}

impl Rows for Vec<Row> {
    fn one<T>(self, read: impl FnOnce(&Row) -> Result<T>) -> Result<Option<T>> {
        self.first().map(read).transpose()
    }

    fn all<T>(self, read: impl FnMut(&Row) -> Result<T>) -> Result<Vec<T>> {
        self.iter().map(read).collect()
    }
}
