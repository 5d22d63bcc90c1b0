-- Devices, Signal records, people, notices, app state, outgoing messages, messages, chats, sessions, leases and the outbox.
-- Every table of a tenant leads with its workspace. Released files never change: add a numbered one.
-- Text is compared by bytes, as everywhere else.

-- Keys that sealed values were ever written with.
CREATE TABLE vault_key (
    id BYTEA NOT NULL PRIMARY KEY
);

CREATE TABLE device (
    workspace TEXT COLLATE "C" NOT NULL,
    account   TEXT COLLATE "C" NOT NULL,
    jid       TEXT,
    lid       TEXT,
    state     BYTEA NOT NULL,
    PRIMARY KEY (workspace, account)
);

-- Ratchets are rewritten all the time: room in the page keeps their index as it is.
CREATE TABLE signal (
    workspace TEXT COLLATE "C" NOT NULL,
    account   TEXT COLLATE "C" NOT NULL,
    kind      SMALLINT NOT NULL,
    id        TEXT COLLATE "C" NOT NULL,
    value     BYTEA NOT NULL,
    PRIMARY KEY (workspace, account, kind, id)
) WITH (fillfactor = 70);
-- Sealed bytes do not compress.
ALTER TABLE signal ALTER COLUMN value SET STORAGE EXTERNAL;

-- One row per person; each address is of one row.
CREATE TABLE person (
    workspace TEXT COLLATE "C" NOT NULL,
    account   TEXT COLLATE "C" NOT NULL,
    pn        TEXT COLLATE "C",
    lid       TEXT COLLATE "C",
    state     BYTEA NOT NULL,
    UNIQUE (workspace, account, pn),
    UNIQUE (workspace, account, lid),
    CHECK (pn IS NOT NULL OR lid IS NOT NULL)
);
ALTER TABLE person ALTER COLUMN state SET STORAGE EXTERNAL;

-- Kept for a later version.
CREATE TABLE notice (
    workspace   TEXT COLLATE "C" NOT NULL,
    account     TEXT COLLATE "C" NOT NULL,
    kind        TEXT COLLATE "C" NOT NULL,
    id          TEXT COLLATE "C" NOT NULL,
    received_at BIGINT NOT NULL,
    payload     BYTEA NOT NULL,
    PRIMARY KEY (workspace, account, kind, id)
);
CREATE INDEX notice_by_time ON notice (workspace, account, kind, received_at, id);

CREATE TABLE app_state (
    workspace  TEXT COLLATE "C" NOT NULL,
    account    TEXT COLLATE "C" NOT NULL,
    collection TEXT COLLATE "C" NOT NULL,
    version    BIGINT NOT NULL,
    hash       BYTEA NOT NULL,
    PRIMARY KEY (workspace, account, collection)
);

CREATE TABLE app_state_key (
    workspace TEXT COLLATE "C" NOT NULL,
    account   TEXT COLLATE "C" NOT NULL,
    id        BYTEA NOT NULL,
    value     BYTEA NOT NULL,
    PRIMARY KEY (workspace, account, id)
);

CREATE TABLE app_state_mac (
    workspace  TEXT COLLATE "C" NOT NULL,
    account    TEXT COLLATE "C" NOT NULL,
    collection TEXT COLLATE "C" NOT NULL,
    index_mac  BYTEA NOT NULL,
    value_mac  BYTEA NOT NULL,
    PRIMARY KEY (workspace, account, collection, index_mac)
);

-- number: the order of insertion.
CREATE TABLE outgoing (
    number     BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    workspace  TEXT COLLATE "C" NOT NULL,
    account    TEXT COLLATE "C" NOT NULL,
    id         TEXT COLLATE "C" NOT NULL,
    chat       TEXT NOT NULL,
    payload    BYTEA NOT NULL,
    state      SMALLINT NOT NULL,
    created_at BIGINT NOT NULL,
    UNIQUE (workspace, account, id)
);
CREATE INDEX outgoing_queued ON outgoing (workspace, account, created_at, number) WHERE state = 1;
CREATE INDEX outgoing_sent ON outgoing (workspace, account, created_at) WHERE state = 2;

-- number: the order of insertion, which settles that of messages sent in one millisecond.
-- words: cut by the library itself.
CREATE TABLE message (
    number       BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    workspace    TEXT COLLATE "C" NOT NULL,
    account      TEXT COLLATE "C" NOT NULL,
    chat         TEXT COLLATE "C" NOT NULL,
    sender       TEXT COLLATE "C" NOT NULL,
    id           TEXT COLLATE "C" NOT NULL,
    from_me      SMALLINT NOT NULL,
    timestamp    BIGINT NOT NULL,
    content      TEXT NOT NULL,
    status       SMALLINT NOT NULL,
    source       SMALLINT NOT NULL,
    push_name    TEXT,
    quoted       TEXT,
    media        TEXT,
    media_secret BYTEA,
    words        TSVECTOR NOT NULL,
    UNIQUE (workspace, account, chat, sender, id)
);
CREATE INDEX message_by_time ON message (workspace, account, timestamp, number);
CREATE INDEX message_by_chat ON message (workspace, account, chat, timestamp, number);
CREATE INDEX message_unread ON message (workspace, account, chat, timestamp) WHERE from_me = 0 AND status < 4;
CREATE INDEX message_words ON message USING gin (words);

CREATE TABLE chat (
    workspace   TEXT COLLATE "C" NOT NULL,
    account     TEXT COLLATE "C" NOT NULL,
    chat        TEXT COLLATE "C" NOT NULL,
    name        TEXT,
    unread      BIGINT NOT NULL DEFAULT 0,
    archived    SMALLINT NOT NULL DEFAULT 0,
    pinned      SMALLINT NOT NULL DEFAULT 0,
    muted_until BIGINT,
    last_at     BIGINT NOT NULL DEFAULT 0,
    last_sender TEXT COLLATE "C",
    last_id     TEXT COLLATE "C",
    last_number BIGINT NOT NULL DEFAULT 0,
    PRIMARY KEY (workspace, account, chat)
) WITH (fillfactor = 80);
CREATE INDEX chat_by_time ON chat (workspace, account, last_at DESC, chat);

CREATE TABLE session (
    workspace   TEXT COLLATE "C" NOT NULL,
    account     TEXT COLLATE "C" NOT NULL,
    name        TEXT NOT NULL,
    desired     SMALLINT NOT NULL,
    created_at  BIGINT NOT NULL,
    observed    SMALLINT,
    observed_at BIGINT,
    observed_reason TEXT,
    PRIMARY KEY (workspace, account)
);

CREATE TABLE lease (
    workspace TEXT COLLATE "C" NOT NULL,
    name      TEXT COLLATE "C" NOT NULL,
    owner     TEXT NOT NULL,
    token     BIGINT NOT NULL,
    until     BIGINT NOT NULL,
    PRIMARY KEY (workspace, name)
);

-- The outbox. tx: the transaction that wrote it. Readers take no event of a transaction that may still be joined by an
-- earlier one, and order by it: so no event appears behind one that was read.
CREATE TABLE event (
    number    BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tx        BIGINT NOT NULL DEFAULT CAST(CAST(pg_current_xact_id() AS TEXT) AS BIGINT),
    workspace TEXT COLLATE "C" NOT NULL,
    account   TEXT COLLATE "C",
    key       TEXT NOT NULL,
    data      TEXT NOT NULL,
    at        BIGINT NOT NULL
);
CREATE INDEX event_in_order ON event (tx, number);
CREATE INDEX event_of_workspace ON event (workspace, tx, number);
CREATE INDEX event_by_time ON event (at);

CREATE TABLE consumer (
    name   TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    tx     BIGINT NOT NULL,
    number BIGINT NOT NULL
);
