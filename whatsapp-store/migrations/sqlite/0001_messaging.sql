-- Devices, Signal records, LID mappings, outgoing messages, messages and sessions.
-- Every table leads with the account. Released files never change: add a numbered one.

-- "WaSt": says that the file is ours.
PRAGMA application_id = 1465996148;

CREATE TABLE device (
    account TEXT NOT NULL PRIMARY KEY,
    jid     TEXT,
    lid     TEXT,
    state   BLOB NOT NULL
) STRICT;

-- With a rowid: ratchets are rewritten all the time, which then leaves the index alone, and they are too long for the
-- inner pages of an index.
CREATE TABLE signal (
    account TEXT NOT NULL,
    kind    INTEGER NOT NULL,
    id      TEXT NOT NULL,
    value   BLOB NOT NULL,
    PRIMARY KEY (account, kind, id)
) STRICT;

CREATE TABLE lid (
    account TEXT NOT NULL,
    lid     TEXT NOT NULL,
    pn      TEXT NOT NULL,
    PRIMARY KEY (account, lid),
    UNIQUE (account, pn)
) STRICT, WITHOUT ROWID;

-- number: the order of insertion.
CREATE TABLE outgoing (
    number     INTEGER NOT NULL PRIMARY KEY,
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

-- seq: the order of insertion within the account, from 1; what a page's cursor says.
CREATE TABLE message (
    account   TEXT NOT NULL,
    seq       INTEGER NOT NULL,
    chat      TEXT NOT NULL,
    sender    TEXT NOT NULL,
    id        TEXT NOT NULL,
    from_me   INTEGER NOT NULL,
    timestamp INTEGER NOT NULL,
    content   TEXT NOT NULL,
    status    INTEGER NOT NULL,
    source    INTEGER NOT NULL,
    push_name TEXT,
    PRIMARY KEY (account, chat, sender, id),
    UNIQUE (account, seq)
) STRICT;
CREATE INDEX message_by_chat ON message (account, chat, seq);

CREATE TABLE session (
    account    TEXT NOT NULL PRIMARY KEY,
    name       TEXT NOT NULL,
    wanted     INTEGER NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;
