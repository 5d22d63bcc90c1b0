//! A statement with its arguments, for either database.
use std::borrow::Cow;

use super::Dialect;

/// SQLite: the rows of [`Statement::pairs`], with the argument and the names of the columns.
macro_rules! pairs {
    ($argument:literal, $first:literal, $second:literal) => {
        concat!(
            "(SELECT MAX(value) FILTER (WHERE key % 2 = 0) AS ",
            $first,
            ", MAX(value) FILTER (WHERE key % 2 = 1) AS ",
            $second,
            " FROM json_each(",
            $argument,
            ") GROUP BY key / 2)"
        )
    };
}
pub(super) use pairs;

/// The value of `$1`, `$2` and so on.
#[derive(Clone)]
pub(crate) enum Value<'a> {
    Int(Option<i64>),
    Text(Option<Cow<'a, str>>),
    Bytes(Option<Cow<'a, [u8]>>),
    /// Bytes to seal before they are written, with the place that they belong to.
    Sealed(Cow<'a, [u8]>, String),
    /// An array of the database.
    Ints(Vec<i64>),
    Texts(Vec<String>),
    #[cfg(feature = "postgres")]
    ManyBytes(Vec<Vec<u8>>),
}

/// Built by [`sql`]. Has no `Debug`: arguments may be secret.
#[derive(Clone)]
pub(crate) struct Statement<'a> {
    pub(super) text: &'static str,
    pub(super) arguments: Vec<Value<'a>>,
}

/// A statement without arguments yet.
pub(crate) const fn sql(text: &'static str) -> Statement<'static> {
    Statement { text, arguments: Vec::new() }
}

impl<'a> Statement<'a> {
    fn with<'b>(self, value: Value<'b>) -> Statement<'b>
    where
        'a: 'b,
    {
        let mut arguments: Vec<Value<'b>> = self.arguments;
        arguments.push(value);
        Statement { text: self.text, arguments }
    }

    pub(crate) fn int(self, value: impl Into<i64>) -> Self {
        self.with(Value::Int(Some(value.into())))
    }

    pub(crate) fn opt_int(self, value: Option<i64>) -> Self {
        self.with(Value::Int(value))
    }

    pub(crate) fn text<'b>(self, value: impl Into<Cow<'b, str>>) -> Statement<'b>
    where
        'a: 'b,
    {
        self.with(Value::Text(Some(value.into())))
    }

    pub(crate) fn opt_text<'b>(self, value: Option<&'b str>) -> Statement<'b>
    where
        'a: 'b,
    {
        self.with(Value::Text(value.map(Cow::Borrowed)))
    }

    /// As [`Statement::opt_text`], for text made for this.
    pub(crate) fn some_text(self, value: Option<String>) -> Self {
        self.with(Value::Text(value.map(Cow::Owned)))
    }

    pub(crate) fn bytes<'b>(self, value: impl Into<Cow<'b, [u8]>>) -> Statement<'b>
    where
        'a: 'b,
    {
        self.with(Value::Bytes(Some(value.into())))
    }

    pub(crate) fn opt_bytes<'b>(self, value: Option<&'b [u8]>) -> Statement<'b>
    where
        'a: 'b,
    {
        self.with(Value::Bytes(value.map(Cow::Borrowed)))
    }

    /// A secret: sealed under the store's key, bound to `place`, which must be the same when it is read.
    pub(crate) fn sealed<'b>(self, value: impl Into<Cow<'b, [u8]>>, place: String) -> Statement<'b>
    where
        'a: 'b,
    {
        self.with(Value::Sealed(value.into(), place))
    }

    /// PostgreSQL: `bigint[]`. SQLite: a JSON array, for `json_each`.
    pub(crate) fn ints(self, values: Vec<i64>) -> Self {
        self.with(Value::Ints(values))
    }

    /// PostgreSQL: `text[]`. SQLite: a JSON array, for `json_each`.
    pub(crate) fn texts(self, values: Vec<String>) -> Self {
        self.with(Value::Texts(values))
    }

    /// Two lists of the same length. PostgreSQL: two of `bigint[]`, for one `unnest`. SQLite: one JSON array in which they
    /// alternate, for [`pairs!`](super::pairs). A join of two arrays would read one of them for each element of the other.
    pub(crate) fn pairs(self, dialect: Dialect, pairs: Vec<(i64, i64)>) -> Self {
        match dialect {
            #[cfg(feature = "sqlite")]
            Dialect::Sqlite => {
                self.ints(pairs.into_iter().flat_map(|(first, second)| [first, second]).collect())
            }
            #[cfg(feature = "postgres")]
            Dialect::Postgres => {
                let (first, second) = pairs.into_iter().unzip();
                self.ints(first).ints(second)
            }
        }
    }

    /// PostgreSQL only: `bytea[]`.
    #[cfg(feature = "postgres")]
    pub(crate) fn many_bytes(self, values: Vec<Vec<u8>>) -> Self {
        self.with(Value::ManyBytes(values))
    }
}
