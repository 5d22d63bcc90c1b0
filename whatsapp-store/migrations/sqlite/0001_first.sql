-- One row per account and record; every table leads with the account.
CREATE TABLE devices (
    account TEXT PRIMARY KEY,
    jid     TEXT,
    lid     TEXT,
    state   BLOB NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE signal_records (
    account TEXT NOT NULL,
    kind    INTEGER NOT NULL,
    id      TEXT NOT NULL,
    value   BLOB NOT NULL,
    PRIMARY KEY (account, kind, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE lids (
    account TEXT NOT NULL,
    lid     TEXT NOT NULL,
    pn      TEXT NOT NULL,
    PRIMARY KEY (account, lid),
    UNIQUE (account, pn)
) STRICT, WITHOUT ROWID;

CREATE TABLE outgoing (
    number     INTEGER PRIMARY KEY,
    account    TEXT NOT NULL,
    id         TEXT NOT NULL,
    chat       TEXT NOT NULL,
    payload    BLOB NOT NULL,
    state      INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    UNIQUE (account, id)
) STRICT;
CREATE INDEX outgoing_queued ON outgoing (account, created_at, number) WHERE state = 1;
CREATE INDEX outgoing_sent ON outgoing (account, created_at) WHERE state = 2;

CREATE TABLE messages (
    number    INTEGER PRIMARY KEY,
    account   TEXT NOT NULL,
    chat      TEXT NOT NULL,
    sender    TEXT NOT NULL,
    id        TEXT NOT NULL,
    from_me   INTEGER NOT NULL,
    timestamp INTEGER NOT NULL,
    content   TEXT NOT NULL,
    status    INTEGER NOT NULL,
    source    INTEGER NOT NULL,
    push_name TEXT,
    UNIQUE (account, chat, sender, id)
) STRICT;
CREATE INDEX messages_by_account ON messages (account, number);
CREATE INDEX messages_by_chat ON messages (account, chat, number);

CREATE TABLE sessions (
    id         TEXT PRIMARY KEY,
    name       TEXT NOT NULL,
    wanted     INTEGER NOT NULL,
    created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
