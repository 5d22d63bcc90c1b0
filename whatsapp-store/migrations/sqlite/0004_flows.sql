-- Chatbot flows, their versions, and conversations.

CREATE TABLE flow (
    workspace  TEXT NOT NULL,
    id         TEXT NOT NULL,
    name       TEXT NOT NULL,
    published  INTEGER,
    enabled    INTEGER NOT NULL DEFAULT 0,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    -- Large, and so the last: the columns before it are read without it.
    draft      TEXT,
    PRIMARY KEY (workspace, id)
) STRICT;
CREATE INDEX flow_by_time ON flow (workspace, created_at, id);

CREATE TABLE flow_version (
    workspace    TEXT NOT NULL,
    flow         TEXT NOT NULL,
    version      INTEGER NOT NULL,
    definition   TEXT NOT NULL,
    published_at INTEGER NOT NULL,
    published_by TEXT NOT NULL,
    PRIMARY KEY (workspace, flow, version)
) STRICT;

-- due_at: when it is to be taken next, which is its wake_at until somebody takes it.
CREATE TABLE conversation (
    number     INTEGER NOT NULL PRIMARY KEY,
    workspace  TEXT NOT NULL,
    account    TEXT NOT NULL,
    chat       TEXT NOT NULL,
    flow       TEXT NOT NULL,
    version    INTEGER NOT NULL,
    state      BLOB NOT NULL,
    status     INTEGER NOT NULL,
    wake_at    INTEGER,
    due_at     INTEGER,
    revision   INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    UNIQUE (workspace, account, chat)
) STRICT;
CREATE INDEX conversation_by_status ON conversation (workspace, status, updated_at, account, chat);
CREATE INDEX conversation_due ON conversation (workspace, due_at) WHERE due_at IS NOT NULL;
-- For finding the workspaces that have some.
CREATE INDEX conversation_due_anywhere ON conversation (due_at, workspace) WHERE due_at IS NOT NULL;

CREATE TABLE flow_input (
    workspace  TEXT NOT NULL,
    account    TEXT NOT NULL,
    chat       TEXT NOT NULL,
    message_id TEXT NOT NULL,
    at         INTEGER NOT NULL,
    PRIMARY KEY (workspace, account, chat, message_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX flow_input_by_time ON flow_input (workspace, at);

CREATE TABLE node_count (
    workspace TEXT NOT NULL,
    flow      TEXT NOT NULL,
    version   INTEGER NOT NULL,
    node      TEXT NOT NULL,
    entered   INTEGER NOT NULL,
    passed    INTEGER NOT NULL,
    dropped   INTEGER NOT NULL,
    millis    INTEGER NOT NULL,
    PRIMARY KEY (workspace, flow, version, node)
) STRICT, WITHOUT ROWID;
