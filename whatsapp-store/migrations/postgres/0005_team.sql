-- Workspaces, users and API keys.

CREATE TABLE workspace (
    workspace  TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    name       TEXT NOT NULL,
    tier       TEXT NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE INDEX workspace_by_time ON workspace (created_at, workspace);

-- email_key: the address in lower case, by which all users differ.
CREATE TABLE member (
    workspace           TEXT COLLATE "C" NOT NULL,
    id                  TEXT COLLATE "C" NOT NULL,
    email               TEXT NOT NULL,
    email_key           TEXT COLLATE "C" NOT NULL UNIQUE,
    password_hash       TEXT NOT NULL,
    name                TEXT NOT NULL,
    role                SMALLINT NOT NULL,
    tier                TEXT NOT NULL,
    created_at          BIGINT NOT NULL,
    disabled_at         BIGINT,
    password_changed_at BIGINT NOT NULL,
    PRIMARY KEY (workspace, id)
);
CREATE INDEX member_by_time ON member (workspace, created_at, id);

-- scopes: a JSON array.
CREATE TABLE api_key (
    workspace    TEXT COLLATE "C" NOT NULL,
    id           TEXT COLLATE "C" NOT NULL,
    hash         BYTEA NOT NULL UNIQUE,
    name         TEXT NOT NULL,
    scopes       TEXT NOT NULL,
    created_at   BIGINT NOT NULL,
    last_used_at BIGINT,
    expires_at   BIGINT,
    revoked_at   BIGINT,
    PRIMARY KEY (workspace, id)
) WITH (fillfactor = 80);
CREATE INDEX api_key_by_time ON api_key (workspace, created_at, id);

CREATE TABLE reset_token (
    workspace  TEXT COLLATE "C" NOT NULL,
    member     TEXT COLLATE "C" NOT NULL,
    hash       BYTEA NOT NULL UNIQUE,
    expires_at BIGINT NOT NULL,
    PRIMARY KEY (workspace, member)
);
