//! Secrets at rest: AES-256-GCM on single values.
//!
//! ```text
//! plain   0 │ the value
//! sealed  1 │ key id, 8 bytes │ nonce, 12 bytes │ ciphertext │ tag, 16 bytes
//! ```
//!
//! The place of a value (its table, workspace, account and key) is authenticated with it, so that a row cannot be given
//! the value of another. A key's id is taken from the key itself, and a value says which key it needs.
use std::{borrow::Cow, fmt, fs, path::Path};

use aes_gcm::{
    Aes256Gcm, Nonce,
    aead::{AeadInOut, KeyInit},
};
use rand::{TryRng, rngs::SysRng};
use sha2::{Digest, Sha256};
use zeroize::{Zeroize, Zeroizing};

use super::{Connection, Row, Rows, Sql, Statement, sql, transact};
use crate::{Error, ErrorKind, Result};

const PLAIN: u8 = 0;
const SEALED: u8 = 1;
const NONCE: usize = 12;
const TAG: usize = 16;

/// Names a key without telling it: the start of a hash of it.
pub(crate) type KeyId = [u8; 8];

/// The keys that seal secrets at rest: the first seals, all of them open.
///
/// To change the key while the program runs on several nodes: add the new key second everywhere; then put it
/// first everywhere; then let [`Store::reseal`](crate::Store::reseal) rewrite the remaining values; then remove the old one.
#[derive(Clone, Default)]
pub struct Keyring {
    keys: Vec<Key>,
}

#[derive(Clone)]
struct Key {
    id: KeyId,
    key: Zeroizing<[u8; 32]>,
}

impl Keyring {
    /// Reads keys from text: one of 64 hexadecimal digits per line, the sealing key first. Empty lines and lines that
    /// start with `#` are skipped. `openssl rand -hex 32` makes one.
    ///
    /// # Errors
    /// [`ErrorKind::WrongKey`] when a line is not a key, or there is no key.
    pub fn parse(text: &str) -> Result<Self> {
        let lines = text.lines().map(str::trim).enumerate();
        let lines = lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
        let keys: Vec<Key> = lines
            .map(|(number, line)| {
                let key = hex(line).ok_or_else(|| {
                    let why = format!("line {} is not a key of 64 hexadecimal digits", number + 1);
                    Error::new(ErrorKind::WrongKey, "reading the storage keys").because(why)
                })?;
                Ok(Key { id: id_of(&key), key })
            })
            .collect::<Result<_>>()?;
        if keys.is_empty() {
            return Err(Error::new(ErrorKind::WrongKey, "reading the storage keys").because("there is none"));
        }
        Ok(Self { keys })
    }

    /// As [`Keyring::parse`], from a file.
    ///
    /// # Errors
    /// [`ErrorKind::Unreachable`] when it cannot be read, otherwise as [`Keyring::parse`].
    pub fn from_file(path: impl AsRef<Path>) -> Result<Self> {
        let text = fs::read_to_string(path).map(Zeroizing::new);
        let text = text.map_err(|error| {
            Error::new(ErrorKind::Unreachable, "reading the file of the storage keys").because(error)
        })?;
        Self::parse(&text)
    }

    fn key(&self, id: &[u8]) -> Option<&Key> {
        self.keys.iter().find(|key| key.id == id)
    }
}

impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.keys.iter().map(|key| shown(&key.id))).finish()
    }
}

fn id_of(key: &[u8; 32]) -> KeyId {
    let hash = Sha256::new().chain_update(b"whatsapp-store key id").chain_update(key).finalize();
    let mut id = [0; 8];
    id.copy_from_slice(&hash[..8]);
    id
}

/// A key id as errors show it.
pub(crate) fn shown(id: &[u8]) -> String {
    id.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn hex(text: &str) -> Option<Zeroizing<[u8; 32]>> {
    let mut key = Zeroizing::new([0; 32]);
    if text.len() != 64 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    for (place, byte) in key.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&text[2 * place..2 * place + 2], 16).ok()?;
    }
    Some(key)
}

/// Seals written values and opens read ones. Without keys it seals nothing.
#[derive(Clone, Debug, Default)]
pub(crate) struct Vault {
    keyring: Keyring,
    #[cfg(all(test, feature = "sqlite", feature = "postgres"))]
    pub(super) failpoint: super::failpoint::Failpoint,
}

impl Vault {
    pub(crate) fn new(keyring: Keyring) -> Self {
        Self {
            keyring,
            #[cfg(all(test, feature = "sqlite", feature = "postgres"))]
            failpoint: super::failpoint::Failpoint::default(),
        }
    }

    /// The key that seals.
    pub(crate) fn primary(&self) -> Option<KeyId> {
        self.keyring.keys.first().map(|key| key.id)
    }

    /// How a value starts that need not be sealed again.
    pub(crate) fn prefix(&self) -> Vec<u8> {
        match self.primary() {
            None => vec![PLAIN],
            Some(id) => [&[SEALED][..], &id].concat(),
        }
    }

    /// Are those keys here that the database's values are sealed with?
    pub(crate) fn check(&self, ids: &[Vec<u8>]) -> Result<()> {
        ids.iter().try_for_each(|id| self.find(id).map(drop))
    }

    fn find(&self, id: &[u8]) -> Result<&Key> {
        self.keyring.key(id).ok_or_else(|| {
            let hint =
                if self.keyring.keys.is_empty() { "no key was given" } else { "it is not among those given" };
            let why = format!("it needs the storage key with the id {}, and {hint}", shown(id));
            Error::new(ErrorKind::WrongKey, "opening sealed records").because(why)
        })
    }

    pub(crate) fn seal(&self, value: &[u8], place: &str) -> Result<Vec<u8>> {
        let Some(key) = self.keyring.keys.first() else {
            return Ok([&[PLAIN], value].concat());
        };
        let mut nonce = [0; NONCE];
        SysRng
            .try_fill_bytes(&mut nonce)
            .map_err(|error| Error::new(ErrorKind::Other, "sealing a record").because(error))?;
        let mut out = Vec::with_capacity(1 + key.id.len() + NONCE + value.len() + TAG);
        out.push(SEALED);
        out.extend_from_slice(&key.id);
        out.extend_from_slice(&nonce);
        let start = out.len();
        out.extend_from_slice(value);
        let tag = Aes256Gcm::new((&*key.key).into())
            .encrypt_inout_detached(&Nonce::from(nonce), place.as_bytes(), (&mut out[start..]).into())
            .map_err(|_| Error::new(ErrorKind::Invalid, "sealing a record that is too long"))?;
        out.extend_from_slice(&tag);
        Ok(out)
    }

    /// As [`Vault::seal`], and wipes the value if the statement owns it.
    pub(crate) fn seal_and_wipe(&self, value: Cow<'_, [u8]>, place: &str) -> Result<Vec<u8>> {
        let sealed = self.seal(&value, place);
        if let Cow::Owned(mut value) = value {
            value.zeroize();
        }
        sealed
    }

    /// The caller gets the value without another copy of it, and wipes it after use.
    pub(crate) fn open(&self, stored: &[u8], place: &str) -> Result<Vec<u8>> {
        let damaged = || super::damaged("a sealed record is damaged, or stands in the place of another");
        let (&kind, rest) = stored.split_first().ok_or_else(damaged)?;
        if kind == PLAIN {
            return Ok(rest.to_vec());
        }
        if kind != SEALED || rest.len() < 8 + NONCE + TAG {
            return Err(damaged());
        }
        let (id, rest) = rest.split_at(8);
        let (nonce, rest) = rest.split_at(NONCE);
        let (ciphertext, tag) = rest.split_at(rest.len() - TAG);
        let key = self.find(id)?;
        let nonce: [u8; NONCE] = nonce.try_into().map_err(|_| damaged())?;
        let tag: [u8; TAG] = tag.try_into().map_err(|_| damaged())?;
        let mut value = Zeroizing::new(ciphertext.to_vec());
        Aes256Gcm::new((&*key.key).into())
            .decrypt_inout_detached(
                &Nonce::from(nonce),
                place.as_bytes(),
                (&mut value[..]).into(),
                &tag.into(),
            )
            .map_err(|_| damaged())?;
        Ok(std::mem::take(&mut *value))
    }
}

/// Lets the store's keys in, if all those are among them that the database was written with.
pub(crate) async fn admit(connection: &mut Connection<'_>) -> Result<()> {
    let known: Vec<Vec<u8>> =
        connection.fetch(sql("SELECT id FROM vault_key")).await?.all(|row| Ok(row.bytes(0)?.to_vec()))?;
    connection.vault.check(&known)?;
    let Some(primary) = connection.vault.primary().filter(|id| !known.iter().any(|known| known == id)) else {
        return Ok(());
    };
    let note = sql("INSERT INTO vault_key (id) VALUES ($1) ON CONFLICT (id) DO NOTHING");
    connection.execute(note.bytes(primary.to_vec())).await.map(drop)
}

/// A column of sealed values.
#[derive(Clone, Copy)]
pub(super) struct Column {
    /// Selects the value and what names its row, of values that do not start with `$2` in their first `$1` bytes, at
    /// most `$3`, and keeps others from changing them. On PostgreSQL it ends with `FOR UPDATE SKIP LOCKED`.
    pub(super) select: (&'static str, &'static str),
    /// From the columns that name the row: the place its value is bound to, and the statement that rewrites it with the new value.
    pub(super) row: fn(&Row) -> Result<(String, Statement<'static>)>,
}

impl Column {
    /// Does not pass over rows that others hold, but waits for them.
    fn patient(self) -> Self {
        let (sqlite, postgres) = self.select;
        Self { select: (sqlite, postgres.trim_end_matches(" SKIP LOCKED")), ..self }
    }

    async fn reseal(self, connection: &mut Connection<'_>, limit: u32) -> Result<u64> {
        let prefix = connection.vault.prefix();
        let select = sql(connection.dialect().text(self.select.0, self.select.1));
        let rows = connection.fetch(select.int(prefix.len() as i64).bytes(prefix).int(limit)).await?;
        for row in &rows {
            let (place, update) = (self.row)(row)?;
            let value = connection.vault.open(&row.bytes(0)?, &place)?;
            connection.execute(update.sealed(value, place)).await?;
        }
        Ok(rows.len() as u64)
    }
}

/// See [`Store::reseal`](crate::Store::reseal).
///
/// Commits may wait for this, and it must not wait for them in turn, or one of both would fail. So it skips rows that a commit
/// holds. Once no other rows remain, it waits for them, one row at a time, holding nothing meanwhile.
pub(super) async fn reseal<S: Sql + ?Sized>(store: &S, limit: u32) -> Result<u64> {
    let free = transact(store, move |connection| {
        Box::pin(async move {
            let mut count = 0;
            for column in super::SEALED {
                count += column.reseal(connection, limit).await?;
            }
            Ok(count)
        })
    });
    let mut count = free.await?;
    if count > 0 {
        return Ok(count);
    }
    for column in super::SEALED.map(Column::patient) {
        count += transact(store, move |connection| Box::pin(column.reseal(connection, 1))).await?;
    }
    if count == 0 {
        transact(store, |connection| Box::pin(forget(connection))).await?;
    }
    Ok(count)
}

/// No value needs the other keys any more.
async fn forget(connection: &mut Connection<'_>) -> Result<()> {
    let primary = connection.vault.primary().unwrap_or_default().to_vec();
    connection.execute(sql("DELETE FROM vault_key WHERE id <> $1").bytes(primary)).await.map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vault(digits: &[&str]) -> Vault {
        let lines: Vec<_> = digits.iter().map(|digit| digit.repeat(64)).collect();
        Vault::new(Keyring::parse(&lines.join("\n")).unwrap())
    }

    #[test]
    fn sealed_values_open_only_in_their_place() {
        let vault = vault(&["a"]);
        let sealed = vault.seal(b"a secret", "here").unwrap();
        assert!(!sealed.windows(8).any(|window| window == b"a secret"));
        assert_eq!(vault.open(&sealed, "here").unwrap(), b"a secret");
        assert_eq!(vault.open(&sealed, "there").unwrap_err().kind(), ErrorKind::Corrupt);
        for place in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[place] ^= 0x80;
            assert!(vault.open(&changed, "here").is_err(), "byte {place} is not protected");
            assert!(vault.open(&sealed[..place], "here").is_err(), "cut to {place} bytes");
        }
    }

    #[test]
    fn a_value_says_which_key_it_needs() {
        let sealed = vault(&["a"]).seal(b"x", "p").unwrap();
        assert_eq!(vault(&["b", "a"]).open(&sealed, "p").unwrap(), b"x");
        let error = vault(&["b"]).open(&sealed, "p").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::WrongKey);
        assert!(error.to_string().contains(&shown(&sealed[1..9])), "{error}");
        assert_eq!(Vault::default().open(&sealed, "p").unwrap_err().kind(), ErrorKind::WrongKey);
    }

    #[test]
    fn plain_values_stay_readable_once_there_is_a_key() {
        let stored = Vault::default().seal(b"x", "p").unwrap();
        assert_eq!(vault(&["a"]).open(&stored, "p").unwrap(), b"x");
    }

    #[test]
    fn keys_are_read_line_by_line_and_never_shown() {
        let text = format!("# new\n{}\n\n  {} \n", "0".repeat(64), "F".repeat(64));
        let keyring = Keyring::parse(&text).unwrap();
        assert_eq!(keyring.keys.len(), 2);
        assert!(!format!("{keyring:?}").contains("0000000000"));
        for wrong in ["", "# none", "12", &"g".repeat(64), &"0".repeat(63), &"é".repeat(32)] {
            assert_eq!(Keyring::parse(wrong).unwrap_err().kind(), ErrorKind::WrongKey, "{wrong}");
        }
    }
}
