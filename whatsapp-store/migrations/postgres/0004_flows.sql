-- Chatbot flows, their versions, and conversations.

CREATE TABLE flow (
    workspace  TEXT COLLATE "C" NOT NULL,
    id         TEXT COLLATE "C" NOT NULL,
    name       TEXT NOT NULL,
    published  BIGINT,
    enabled    SMALLINT NOT NULL DEFAULT 0,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    -- Large, and so the last: the columns before it are read without it.
    draft      TEXT,
    PRIMARY KEY (workspace, id)
);
CREATE INDEX flow_by_time ON flow (workspace, created_at, id);

CREATE TABLE flow_version (
    workspace    TEXT COLLATE "C" NOT NULL,
    flow         TEXT COLLATE "C" NOT NULL,
    version      BIGINT NOT NULL,
    definition   TEXT NOT NULL,
    published_at BIGINT NOT NULL,
    published_by TEXT NOT NULL,
    PRIMARY KEY (workspace, flow, version)
);

-- due_at: when it is to be taken next, which is its wake_at until somebody takes it.
CREATE TABLE conversation (
    number     BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    workspace  TEXT COLLATE "C" NOT NULL,
    account    TEXT COLLATE "C" NOT NULL,
    chat       TEXT COLLATE "C" NOT NULL,
    flow       TEXT COLLATE "C" NOT NULL,
    version    BIGINT NOT NULL,
    state      BYTEA NOT NULL,
    status     SMALLINT NOT NULL,
    wake_at    BIGINT,
    due_at     BIGINT,
    revision   BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    UNIQUE (workspace, account, chat)
) WITH (fillfactor = 80);
CREATE INDEX conversation_by_status ON conversation (workspace, status, updated_at, account, chat);
CREATE INDEX conversation_due ON conversation (workspace, due_at) WHERE due_at IS NOT NULL;
-- For finding the workspaces that have some.
CREATE INDEX conversation_due_anywhere ON conversation (due_at, workspace) WHERE due_at IS NOT NULL;

CREATE TABLE flow_input (
    workspace  TEXT COLLATE "C" NOT NULL,
    account    TEXT COLLATE "C" NOT NULL,
    chat       TEXT COLLATE "C" NOT NULL,
    message_id TEXT COLLATE "C" NOT NULL,
    at         BIGINT NOT NULL,
    PRIMARY KEY (workspace, account, chat, message_id)
);
CREATE INDEX flow_input_by_time ON flow_input (workspace, at);

CREATE TABLE node_count (
    workspace TEXT COLLATE "C" NOT NULL,
    flow      TEXT COLLATE "C" NOT NULL,
    version   BIGINT NOT NULL,
    node      TEXT COLLATE "C" NOT NULL,
    entered   BIGINT NOT NULL,
    passed    BIGINT NOT NULL,
    dropped   BIGINT NOT NULL,
    millis    BIGINT NOT NULL,
    PRIMARY KEY (workspace, flow, version, node)
) WITH (fillfactor = 50);
