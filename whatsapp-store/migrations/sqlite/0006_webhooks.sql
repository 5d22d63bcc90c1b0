-- Webhook endpoints and deliveries.

-- turn: rises with each claim that gave something out; who has the lowest comes first.
CREATE TABLE webhook_endpoint (
    number        INTEGER NOT NULL PRIMARY KEY,
    workspace     TEXT NOT NULL,
    id            TEXT NOT NULL,
    url           TEXT NOT NULL,
    secret        BLOB NOT NULL,
    topics        TEXT NOT NULL,
    enabled       INTEGER NOT NULL,
    created_at    INTEGER NOT NULL,
    updated_at    INTEGER NOT NULL,
    failing_since INTEGER,
    description   TEXT NOT NULL,
    turn          INTEGER NOT NULL DEFAULT 0,
    UNIQUE (workspace, id)
) STRICT;

-- number: the order of insertion, and no number twice, since cursors hold it. claimed: somebody attempts it, until next_at
-- at most. token: rises with each claim.
CREATE TABLE webhook_delivery (
    number      INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    workspace   TEXT NOT NULL,
    id          TEXT NOT NULL,
    endpoint    TEXT NOT NULL,
    position    TEXT NOT NULL,
    key         TEXT NOT NULL,
    body        TEXT NOT NULL,
    state       INTEGER NOT NULL,
    attempts    INTEGER NOT NULL,
    next_at     INTEGER NOT NULL,
    last_status INTEGER,
    last_error  TEXT,
    created_at  INTEGER NOT NULL,
    done_at     INTEGER,
    claimed     INTEGER NOT NULL DEFAULT 0,
    token       INTEGER NOT NULL DEFAULT 0,
    UNIQUE (workspace, id)
) STRICT;
-- What a claim looks at: pending rows alone.
CREATE INDEX webhook_delivery_due ON webhook_delivery (workspace, endpoint, next_at, number) WHERE state = 1;
CREATE INDEX webhook_delivery_claimed ON webhook_delivery (workspace, endpoint, next_at) WHERE claimed = 1;
-- Pages and counts by state.
CREATE INDEX webhook_delivery_by_state ON webhook_delivery (workspace, endpoint, state, number);
-- What can be trimmed.
CREATE INDEX webhook_delivery_done ON webhook_delivery (workspace, done_at) WHERE done_at IS NOT NULL;
