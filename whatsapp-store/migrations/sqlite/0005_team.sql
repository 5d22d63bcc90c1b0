-- Workspaces, users and API keys.

CREATE TABLE workspace (
    workspace  TEXT NOT NULL PRIMARY KEY,
    name       TEXT NOT NULL,
    tier       TEXT NOT NULL,
    created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX workspace_by_time ON workspace (created_at, workspace);

-- email_key: the address in lower case, by which all users differ.
CREATE TABLE member (
    workspace           TEXT NOT NULL,
    id                  TEXT NOT NULL,
    email               TEXT NOT NULL,
    email_key           TEXT NOT NULL UNIQUE,
    password_hash       TEXT NOT NULL,
    name                TEXT NOT NULL,
    role                INTEGER NOT NULL,
    tier                TEXT NOT NULL,
    created_at          INTEGER NOT NULL,
    disabled_at         INTEGER,
    password_changed_at INTEGER NOT NULL,
    PRIMARY KEY (workspace, id)
) STRICT;
CREATE INDEX member_by_time ON member (workspace, created_at, id);

-- scopes: a JSON array.
CREATE TABLE api_key (
    workspace    TEXT NOT NULL,
    id           TEXT NOT NULL,
    hash         BLOB NOT NULL UNIQUE,
    name         TEXT NOT NULL,
    scopes       TEXT NOT NULL,
    created_at   INTEGER NOT NULL,
    last_used_at INTEGER,
    expires_at   INTEGER,
    revoked_at   INTEGER,
    PRIMARY KEY (workspace, id)
) STRICT;
CREATE INDEX api_key_by_time ON api_key (workspace, created_at, id);

CREATE TABLE reset_token (
    workspace  TEXT NOT NULL,
    member     TEXT NOT NULL,
    hash       BLOB NOT NULL UNIQUE,
    expires_at INTEGER NOT NULL,
    PRIMARY KEY (workspace, member)
) STRICT, WITHOUT ROWID;
