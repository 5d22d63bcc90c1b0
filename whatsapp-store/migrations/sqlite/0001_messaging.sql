-- Devices, Signal records, people, notices, app state, outgoing messages, messages, chats, sessions, leases and the outbox.
-- Every table of a tenant leads with its workspace. Released files never change: add a numbered one.

-- "WaSt": says that the file is ours.
PRAGMA application_id = 1465996148;

-- Keys that sealed values were ever written with.
CREATE TABLE vault_key (
    id BLOB NOT NULL PRIMARY KEY
) STRICT, WITHOUT ROWID;

CREATE TABLE device (
    workspace TEXT NOT NULL,
    account   TEXT NOT NULL,
    jid       TEXT,
    lid       TEXT,
    state     BLOB NOT NULL,
    PRIMARY KEY (workspace, account)
) STRICT;

-- With a rowid: ratchets are rewritten all the time, which then leaves the index alone, and they are too long for the
-- inner pages of an index.
CREATE TABLE signal (
    workspace TEXT NOT NULL,
    account   TEXT NOT NULL,
    kind      INTEGER NOT NULL,
    id        TEXT NOT NULL,
    value     BLOB NOT NULL,
    PRIMARY KEY (workspace, account, kind, id)
) STRICT;

-- One row per person; each address is of one row. With a rowid, as for Signal records.
CREATE TABLE person (
    workspace TEXT NOT NULL,
    account   TEXT NOT NULL,
    pn        TEXT,
    lid       TEXT,
    state     BLOB NOT NULL,
    UNIQUE (workspace, account, pn),
    UNIQUE (workspace, account, lid),
    CHECK (pn IS NOT NULL OR lid IS NOT NULL)
) STRICT;

-- Kept for a later version.
CREATE TABLE notice (
    workspace   TEXT NOT NULL,
    account     TEXT NOT NULL,
    kind        TEXT NOT NULL,
    id          TEXT NOT NULL,
    received_at INTEGER NOT NULL,
    payload     BLOB NOT NULL,
    PRIMARY KEY (workspace, account, kind, id)
) STRICT;
CREATE INDEX notice_by_time ON notice (workspace, account, kind, received_at, id);

CREATE TABLE app_state (
    workspace  TEXT NOT NULL,
    account    TEXT NOT NULL,
    collection TEXT NOT NULL,
    version    INTEGER NOT NULL,
    hash       BLOB NOT NULL,
    PRIMARY KEY (workspace, account, collection)
) STRICT;

CREATE TABLE app_state_key (
    workspace TEXT NOT NULL,
    account   TEXT NOT NULL,
    id        BLOB NOT NULL,
    value     BLOB NOT NULL,
    PRIMARY KEY (workspace, account, id)
) STRICT;

CREATE TABLE app_state_mac (
    workspace  TEXT NOT NULL,
    account    TEXT NOT NULL,
    collection TEXT NOT NULL,
    index_mac  BLOB NOT NULL,
    value_mac  BLOB NOT NULL,
    PRIMARY KEY (workspace, account, collection, index_mac)
) STRICT, WITHOUT ROWID;

-- number: the order of insertion.
CREATE TABLE outgoing (
    number     INTEGER NOT NULL PRIMARY KEY,
    workspace  TEXT NOT NULL,
    account    TEXT NOT NULL,
    id         TEXT NOT NULL,
    chat       TEXT NOT NULL,
    payload    BLOB NOT NULL,
    state      INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    UNIQUE (workspace, account, id)
) STRICT;
CREATE INDEX outgoing_queued ON outgoing (workspace, account, created_at, number) WHERE state = 1;
CREATE INDEX outgoing_sent ON outgoing (workspace, account, created_at) WHERE state = 2;

-- number: the order of insertion, which settles that of messages sent in one millisecond.
CREATE TABLE message (
    number       INTEGER NOT NULL PRIMARY KEY,
    workspace    TEXT NOT NULL,
    account      TEXT NOT NULL,
    chat         TEXT NOT NULL,
    sender       TEXT NOT NULL,
    id           TEXT NOT NULL,
    from_me      INTEGER NOT NULL,
    timestamp    INTEGER NOT NULL,
    content      TEXT NOT NULL,
    status       INTEGER NOT NULL,
    source       INTEGER NOT NULL,
    push_name    TEXT,
    quoted       TEXT,
    media        TEXT,
    media_secret BLOB,
    UNIQUE (workspace, account, chat, sender, id)
) STRICT;
CREATE INDEX message_by_time ON message (workspace, account, timestamp, number);
CREATE INDEX message_by_chat ON message (workspace, account, chat, timestamp, number);
CREATE INDEX message_unread ON message (workspace, account, chat, timestamp) WHERE from_me = 0 AND status < 4;

-- The words of messages, cut by the library itself; a row has the number of its message.
CREATE VIRTUAL TABLE message_words USING fts5 (
    words, content = '', contentless_delete = 1, detail = none, tokenize = 'ascii'
);
CREATE TRIGGER message_deleted AFTER DELETE ON message BEGIN
    DELETE FROM message_words WHERE rowid = old.number;
END;

CREATE TABLE chat (
    workspace   TEXT NOT NULL,
    account     TEXT NOT NULL,
    chat        TEXT NOT NULL,
    name        TEXT,
    unread      INTEGER NOT NULL DEFAULT 0,
    archived    INTEGER NOT NULL DEFAULT 0,
    pinned      INTEGER NOT NULL DEFAULT 0,
    muted_until INTEGER,
    last_at     INTEGER NOT NULL DEFAULT 0,
    last_sender TEXT,
    last_id     TEXT,
    last_number INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (workspace, account, chat)
) STRICT;
CREATE INDEX chat_by_time ON chat (workspace, account, last_at DESC, chat);

CREATE TABLE session (
    workspace   TEXT NOT NULL,
    account     TEXT NOT NULL,
    name        TEXT NOT NULL,
    desired     INTEGER NOT NULL,
    created_at  INTEGER NOT NULL,
    observed    INTEGER,
    observed_at INTEGER,
    observed_reason TEXT,
    PRIMARY KEY (workspace, account)
) STRICT;

CREATE TABLE lease (
    workspace TEXT NOT NULL,
    name      TEXT NOT NULL,
    owner     TEXT NOT NULL,
    token     INTEGER NOT NULL,
    until     INTEGER NOT NULL,
    PRIMARY KEY (workspace, name)
) STRICT, WITHOUT ROWID;

-- The outbox. AUTOINCREMENT: no number is ever given twice, since consumers remember them. tx is of use on servers.
CREATE TABLE event (
    number    INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    tx        INTEGER NOT NULL DEFAULT 0,
    workspace TEXT NOT NULL,
    account   TEXT,
    key       TEXT NOT NULL,
    data      TEXT NOT NULL,
    at        INTEGER NOT NULL
) STRICT;
CREATE INDEX event_in_order ON event (tx, number);
CREATE INDEX event_of_workspace ON event (workspace, tx, number);
CREATE INDEX event_by_time ON event (at);

CREATE TABLE consumer (
    name   TEXT NOT NULL PRIMARY KEY,
    tx     INTEGER NOT NULL,
    number INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
