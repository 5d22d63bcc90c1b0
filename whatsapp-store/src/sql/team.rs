use async_trait::async_trait;

use super::{
    Connection, DELETE_WORKSPACE, Row, Rows, Sql, Statement, campaign, damaged, keyset,
    revision::{self, Revised, risen},
    sql, transact,
};
use crate::{
    ApiKeyPage, ApiKeyRecord, Error, ErrorKind, ResetToken, Result, Role, Scope, SecretHash, TeamChange,
    TeamStore, UserPage, UserRecord, WorkspaceId, WorkspacePage, WorkspaceRecord, cursor, email_key,
    page_limit,
};

/// The workspace and an id in it, as `$1` and `$2`.
fn within<'a>(text: &'static str, workspace: &'a WorkspaceId, id: &'a str) -> Statement<'a> {
    sql(text).text(workspace.as_str()).text(id)
}

fn taken(why: &'static str) -> Error {
    Error::new(ErrorKind::Conflict, "writing a workspace").because(why)
}

pub(super) async fn apply(connection: &mut Connection<'_>, scope: &Scope, change: &TeamChange) -> Result<()> {
    let workspace = scope.workspace();
    let statement = match change {
        TeamChange::ExpectWorkspace { updated_at } => {
            let id = workspace.as_str();
            return revision::expect(connection, Revised::Workspace, workspace, id, *updated_at).await;
        }
        TeamChange::ExpectUser { user, updated_at } => {
            return revision::expect(connection, Revised::User, workspace, user, *updated_at).await;
        }
        TeamChange::ExpectApiKey { key, updated_at } => {
            return revision::expect(connection, Revised::ApiKey, workspace, key, *updated_at).await;
        }
        TeamChange::PutWorkspace(record) => sql(PUT_WORKSPACE)
            .text(workspace.as_str())
            .text(&*record.name)
            .text(&*record.tier)
            .int(record.created_at)
            .int(record.updated_at),
        TeamChange::DeleteWorkspace => return delete_workspace(connection, workspace).await,
        TeamChange::PutUser(user) => return put_user(connection, user).await,
        TeamChange::DeleteUser(user) => {
            let token = "DELETE FROM reset_token WHERE workspace = $1 AND member = $2";
            connection.execute(within(token, workspace, user)).await?;
            within("DELETE FROM member WHERE workspace = $1 AND id = $2", workspace, user)
        }
        TeamChange::PutApiKey(key) => return put_key(connection, key).await,
        TeamChange::RevokeApiKey { key, at } => within(REVOKE, workspace, key).int(*at),
        TeamChange::TouchApiKey { key, at } => within(TOUCH, workspace, key).int(*at),
        TeamChange::PutResetToken(token) => return put_token(connection, token).await,
    };
    connection.execute(statement).await.map(drop)
}

async fn delete_workspace(connection: &mut Connection<'_>, workspace: &WorkspaceId) -> Result<()> {
    // Rows of a campaign have its key in place of the workspace.
    campaign::delete_workspace(connection, workspace).await?;
    for text in DELETE_WORKSPACE {
        connection.execute(sql(text).text(workspace.as_str())).await?;
    }
    Ok(())
}

const PUT_WORKSPACE: &str = concat!(
    "INSERT INTO workspace (workspace, name, tier, created_at, updated_at) VALUES ($1, $2, $3, $4, $5) \
     ON CONFLICT (workspace) DO UPDATE SET name = excluded.name, tier = excluded.tier, \
     created_at = excluded.created_at, updated_at = ",
    risen!("workspace", "excluded.updated_at")
);

const UPDATE_USER: &str = "UPDATE member SET email = $3, password_hash = $5, name = $6, role = $7, tier = $8, \
    created_at = $9, disabled_at = $10, password_changed_at = $11, updated_at = CASE WHEN updated_at < $12 THEN $12 \
    WHEN updated_at < 9223372036854775807 THEN updated_at + 1 ELSE updated_at END \
    WHERE workspace = $1 AND id = $2 AND email_key = $4";
const DELETE_USER: &str = "DELETE FROM member WHERE workspace = $1 AND id = $2 RETURNING updated_at";
const INSERT_USER: &str = "INSERT INTO member (workspace, id, email, email_key, password_hash, name, role, tier, \
    created_at, disabled_at, password_changed_at, updated_at) \
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) ON CONFLICT DO NOTHING";

fn user_statement<'a>(text: &'static str, user: &'a UserRecord, updated_at: i64) -> Statement<'a> {
    within(text, &user.workspace, &user.id)
        .text(&*user.email)
        .text(email_key(&user.email))
        .text(&*user.password_hash)
        .text(&*user.name)
        .int(user.role.code())
        .text(&*user.tier)
        .int(user.created_at)
        .opt_int(user.disabled_at)
        .int(user.password_changed_at)
        .int(updated_at)
}

/// With another address, the row is made again: an insert can yield to the owner of the address, also when both come at
/// the same time, where an update would end in an error of the database.
async fn put_user(connection: &mut Connection<'_>, user: &UserRecord) -> Result<()> {
    if connection.execute(user_statement(UPDATE_USER, user, user.updated_at)).await? > 0 {
        return Ok(());
    }
    let delete = within(DELETE_USER, &user.workspace, &user.id);
    let last = connection.fetch(delete).await?.one(|row| row.int(0))?;
    let updated_at = last.map_or(user.updated_at, |last| crate::revision::risen(last, user.updated_at));
    if connection.execute(user_statement(INSERT_USER, user, updated_at)).await? == 0 {
        return Err(taken("the address is that of another user"));
    }
    Ok(())
}

/// Fails if another record has the same hash. Two concurrent writes with one hash are left to the database, which refuses one
/// of them: that takes a caller that uses a secret twice.
async fn own_hash(connection: &mut Connection<'_>, select: Statement<'_>, why: &'static str) -> Result<()> {
    if connection.fetch(select).await?.is_empty() { Ok(()) } else { Err(taken(why)) }
}

const PUT_KEY: &str = concat!(
    "INSERT INTO api_key (workspace, id, hash, name, scopes, created_at, last_used_at, \
     expires_at, revoked_at, updated_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) \
     ON CONFLICT (workspace, id) DO UPDATE SET hash = excluded.hash, name = excluded.name, \
     scopes = excluded.scopes, created_at = excluded.created_at, expires_at = excluded.expires_at, \
     revoked_at = COALESCE(api_key.revoked_at, excluded.revoked_at), \
     last_used_at = CASE WHEN excluded.last_used_at <= api_key.last_used_at OR excluded.last_used_at IS NULL \
     THEN api_key.last_used_at ELSE excluded.last_used_at END, updated_at = ",
    risen!("api_key", "excluded.updated_at")
);
const REVOKE: &str = "UPDATE api_key SET revoked_at = $3, updated_at = CASE WHEN updated_at < $3 THEN $3 \
    WHEN updated_at < 9223372036854775807 THEN updated_at + 1 ELSE updated_at END \
    WHERE workspace = $1 AND id = $2 AND revoked_at IS NULL";
const TOUCH: &str = "UPDATE api_key SET last_used_at = $3 WHERE workspace = $1 AND id = $2 \
    AND (last_used_at IS NULL OR last_used_at < $3)";

async fn put_key(connection: &mut Connection<'_>, key: &ApiKeyRecord) -> Result<()> {
    let other = "SELECT workspace FROM api_key WHERE hash = $3 AND (workspace, id) <> ($1, $2)";
    let other = within(other, &key.workspace, &key.id).bytes(&key.hash[..]);
    own_hash(connection, other, "the key is there under another id").await?;
    let scopes = serde_json::to_string(&key.scopes)
        .map_err(|error| Error::new(ErrorKind::Invalid, "writing an API key").because(error))?;
    let put = within(PUT_KEY, &key.workspace, &key.id)
        .bytes(&key.hash[..])
        .text(&*key.name)
        .text(scopes)
        .int(key.created_at)
        .opt_int(key.last_used_at)
        .opt_int(key.expires_at)
        .opt_int(key.revoked_at)
        .int(key.updated_at);
    connection.execute(put).await.map(drop)
}

async fn put_token(connection: &mut Connection<'_>, token: &ResetToken) -> Result<()> {
    let other = "SELECT workspace FROM reset_token WHERE hash = $3 AND (workspace, member) <> ($1, $2)";
    let other = within(other, &token.workspace, &token.user).bytes(&token.hash[..]);
    own_hash(connection, other, "the token is that of another user").await?;
    let put = "INSERT INTO reset_token (workspace, member, hash, expires_at) VALUES ($1, $2, $3, $4) \
        ON CONFLICT (workspace, member) DO UPDATE SET hash = excluded.hash, expires_at = excluded.expires_at";
    let put = within(put, &token.workspace, &token.user).bytes(&token.hash[..]).int(token.expires_at);
    connection.execute(put).await.map(drop)
}

macro_rules! users {
    ($where:literal) => {
        concat!(
            "SELECT workspace, id, email, password_hash, name, role, tier, created_at, disabled_at, \
             password_changed_at, updated_at FROM member WHERE ",
            $where
        )
    };
}

macro_rules! keys {
    ($where:literal) => {
        concat!(
            "SELECT workspace, id, hash, name, scopes, created_at, last_used_at, expires_at, revoked_at, \
             updated_at FROM api_key WHERE ",
            $where
        )
    };
}

const WORKSPACE: &str =
    "SELECT workspace, name, tier, created_at, updated_at FROM workspace WHERE workspace = $1";
const WORKSPACES: &str = "SELECT workspace, name, tier, created_at, updated_at FROM workspace \
    WHERE (created_at, workspace) > ($1, $2) ORDER BY created_at, workspace LIMIT $3";
const USER: &str = users!("workspace = $1 AND id = $2");
const USER_BY_EMAIL: &str = users!("email_key = $1");
const USERS: (&str, &str) = (
    users!("workspace = $1 ORDER BY created_at, id LIMIT $2"),
    users!("workspace = $1 AND (created_at, id) > ($3, $4) ORDER BY created_at, id LIMIT $2"),
);
const KEY_BY_HASH: &str = keys!("hash = $1");
const KEYS: (&str, &str) = (
    keys!("workspace = $1 ORDER BY created_at, id LIMIT $2"),
    keys!("workspace = $1 AND (created_at, id) > ($3, $4) ORDER BY created_at, id LIMIT $2"),
);

fn workspace_at(row: &Row) -> Result<WorkspaceId> {
    row.text(0)?.parse().map_err(|_| damaged("a workspace"))
}

fn hash_of(row: &Row, place: usize) -> Result<SecretHash> {
    SecretHash::try_from(&row.bytes(place)?[..]).map_err(|_| damaged("the hash of a secret"))
}

fn workspace(row: &Row) -> Result<WorkspaceRecord> {
    Ok(WorkspaceRecord {
        id: workspace_at(row)?,
        name: row.text(1)?,
        tier: row.text(2)?,
        created_at: row.int(3)?,
        updated_at: row.int(4)?,
    })
}

fn user(row: &Row) -> Result<UserRecord> {
    Ok(UserRecord {
        workspace: workspace_at(row)?,
        id: row.text(1)?,
        email: row.text(2)?,
        password_hash: row.text(3)?,
        name: row.text(4)?,
        role: Role::from_code(row.small(5)?).ok_or_else(|| damaged("the role of a user"))?,
        tier: row.text(6)?,
        created_at: row.int(7)?,
        disabled_at: row.opt_int(8)?,
        password_changed_at: row.int(9)?,
        updated_at: row.int(10)?,
    })
}

fn key(row: &Row) -> Result<ApiKeyRecord> {
    let scopes = serde_json::from_str(&row.text(4)?);
    Ok(ApiKeyRecord {
        workspace: workspace_at(row)?,
        id: row.text(1)?,
        hash: hash_of(row, 2)?,
        name: row.text(3)?,
        scopes: scopes.map_err(|_| damaged("the scopes of an API key"))?,
        created_at: row.int(5)?,
        last_used_at: row.opt_int(6)?,
        expires_at: row.opt_int(7)?,
        revoked_at: row.opt_int(8)?,
        updated_at: row.int(9)?,
    })
}

fn token(row: &Row) -> Result<ResetToken> {
    Ok(ResetToken {
        workspace: workspace_at(row)?,
        user: row.text(1)?,
        hash: hash_of(row, 2)?,
        expires_at: row.int(3)?,
    })
}

#[async_trait]
impl<S: Sql> TeamStore for S {
    async fn workspace(&self, workspace: &WorkspaceId) -> Result<Option<WorkspaceRecord>> {
        self.fetch(sql(WORKSPACE).text(workspace.as_str())).await?.one(self::workspace)
    }

    async fn workspaces(&self, after: Option<&str>, limit: u32) -> Result<WorkspacePage> {
        // No id is empty: the first page starts behind the empty id.
        let (at, id) = after.map_or(Ok((i64::MIN, "")), cursor::place)?;
        let limit = page_limit(limit);
        let rows = self.fetch(sql(WORKSPACES).int(at).text(id).int(limit + 1)).await?;
        let cursor = |last: &WorkspaceRecord| format!("{}.{}", last.created_at, last.id);
        let (workspaces, next) = keyset::page(rows, limit, workspace, cursor)?;
        Ok(WorkspacePage { workspaces, next })
    }

    async fn user(&self, workspace: &WorkspaceId, user: &str) -> Result<Option<UserRecord>> {
        self.fetch(within(USER, workspace, user)).await?.one(self::user)
    }

    async fn user_by_email(&self, email: &str) -> Result<Option<UserRecord>> {
        self.fetch(sql(USER_BY_EMAIL).text(email_key(email))).await?.one(user)
    }

    async fn users(&self, workspace: &WorkspaceId, after: Option<&str>, limit: u32) -> Result<UserPage> {
        let limit = page_limit(limit);
        let select = keyset::select(USERS, workspace, after, limit)?;
        let cursor = |last: &UserRecord| format!("{}.{}", last.created_at, last.id);
        let (users, next) = keyset::page(self.fetch(select).await?, limit, user, cursor)?;
        Ok(UserPage { users, next })
    }

    async fn api_key_by_hash(&self, hash: &SecretHash) -> Result<Option<ApiKeyRecord>> {
        self.fetch(sql(KEY_BY_HASH).bytes(&hash[..])).await?.one(key)
    }

    async fn api_keys(&self, workspace: &WorkspaceId, after: Option<&str>, limit: u32) -> Result<ApiKeyPage> {
        let limit = page_limit(limit);
        let select = keyset::select(KEYS, workspace, after, limit)?;
        let cursor = |last: &ApiKeyRecord| format!("{}.{}", last.created_at, last.id);
        let (keys, next) = keyset::page(self.fetch(select).await?, limit, key, cursor)?;
        Ok(ApiKeyPage { keys, next })
    }

    async fn take_reset_token(&self, hash: &SecretHash, now: i64) -> Result<Option<ResetToken>> {
        let hash = hash.to_vec();
        let taken = transact(self, move |connection| {
            Box::pin(async move {
                let take = "DELETE FROM reset_token WHERE hash = $1 \
                    RETURNING workspace, member, hash, expires_at";
                connection.fetch(sql(take).bytes(hash)).await?.one(token)
            })
        })
        .await?;
        Ok(taken.filter(|token| now < token.expires_at))
    }
}

#[cfg(all(test, feature = "sqlite"))]
pub(super) const STATEMENTS: [&str; 9] =
    [WORKSPACE, WORKSPACES, USER, USER_BY_EMAIL, USERS.0, USERS.1, KEY_BY_HASH, KEYS.0, KEYS.1];

#[cfg(all(test, feature = "sqlite"))]
mod tests {
    use super::*;
    use crate::sqlite::SqliteStore;

    /// A new table must be added to the list, or to the exceptions here with a reason.
    #[tokio::test]
    async fn every_table_of_a_workspace_is_deleted_with_it() {
        let folder = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(folder.path().join("a.db")).await.unwrap();
        let names = async |tables| -> Vec<String> {
            store.fetch(sql(tables)).await.unwrap().all(|row| row.text(0)).unwrap()
        };
        let table = |text: &&str| text.split(' ').nth(2).unwrap().to_owned();
        let mut listed: Vec<_> = DELETE_WORKSPACE.iter().map(table).collect();
        listed.sort_unstable();
        let with_workspace = "SELECT t.name FROM sqlite_schema t JOIN pragma_table_info(t.name) c \
            WHERE t.type = 'table' AND c.name = 'workspace' ORDER BY t.name";
        assert!(listed.len() > 20, "the search found {listed:?}");
        assert_eq!(listed, names(with_workspace).await);
        let without = "SELECT t.name FROM sqlite_schema t WHERE t.type = 'table' \
            AND NOT EXISTS (SELECT 1 FROM pragma_table_info(t.name) c WHERE c.name = 'workspace')";
        let of_campaigns = campaign::OF_IDS.iter().chain(&campaign::OF_LANE).chain(&campaign::OF_CAMPAIGN);
        let of_campaigns: Vec<_> = of_campaigns.map(table).collect();
        let others = names(without).await.into_iter().filter(|name| {
            let of_all = ["vault_key", "consumer", "_sqlx_migrations"].contains(&&**name);
            // Words go with their messages, by a trigger.
            let of_sqlite = name.starts_with("sqlite_") || name.starts_with("message_words");
            !of_all && !of_sqlite && !of_campaigns.contains(name)
        });
        assert_eq!(others.collect::<Vec<_>>(), [""; 0]);
    }
}
