//! Where a page starts, as text: what the last record of the page before is ordered by. The one place that reads cursors, for all
//! backends: what cannot be read is [`ErrorKind::BadCursor`](crate::ErrorKind::BadCursor).
use std::str::FromStr;

use crate::{Error, Result};

/// "number", or where the first page starts.
pub(crate) fn number<N: FromStr>(cursor: Option<&str>, start: N) -> Result<N> {
    cursor.map_or(Ok(start), |cursor| cursor.parse().map_err(|_| Error::bad_cursor()))
}

/// "time.text".
pub(crate) fn place(cursor: &str) -> Result<(i64, &str)> {
    let (at, text) = cursor.split_once('.').ok_or_else(Error::bad_cursor)?;
    Ok((number(Some(at), 0)?, text))
}

/// "time.number", or where the first page starts.
pub(crate) fn position<N: FromStr>(cursor: Option<&str>, start: (i64, N)) -> Result<(i64, N)> {
    let Some(cursor) = cursor else { return Ok(start) };
    let (at, text) = place(cursor)?;
    Ok((at, text.parse().map_err(|_| Error::bad_cursor())?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorKind;

    #[test]
    fn cursors_are_read_or_bad() {
        assert_eq!(number(None, 7).unwrap(), 7);
        assert_eq!(number(Some("5"), 7).unwrap(), 5);
        assert_eq!(place("-5.a.b").unwrap(), (-5, "a.b"));
        assert_eq!(position(None, (1, 2_u64)).unwrap(), (1, 2));
        assert_eq!(position(Some("5.6"), (1, 2_u64)).unwrap(), (5, 6));
        let kinds = [
            number(Some("x"), 7).map(drop),
            place("5").map(drop),
            place("x.a").map(drop),
            position(Some("5.x"), (1, 2_u64)).map(drop),
            position(Some("5.-1"), (1, 2_u64)).map(drop),
        ];
        for result in kinds {
            assert_eq!(result.unwrap_err().kind(), ErrorKind::BadCursor);
        }
    }
}
