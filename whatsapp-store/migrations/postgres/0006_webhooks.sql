-- Webhook endpoints and deliveries.

-- turn: rises with each claim that gave something out; who has the lowest comes first. It is in no index, and there is
-- room in the page, so that it is written in place.
CREATE TABLE webhook_endpoint (
    number        BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    workspace     TEXT COLLATE "C" NOT NULL,
    id            TEXT COLLATE "C" NOT NULL,
    url           TEXT NOT NULL,
    secret        BYTEA NOT NULL,
    topics        TEXT NOT NULL,
    enabled       SMALLINT NOT NULL,
    created_at    BIGINT NOT NULL,
    updated_at    BIGINT NOT NULL,
    failing_since BIGINT,
    description   TEXT NOT NULL,
    turn          BIGINT NOT NULL DEFAULT 0,
    UNIQUE (workspace, id)
) WITH (fillfactor = 70);

-- number: the order of insertion. claimed: somebody attempts it, until next_at at most. token: rises with each claim.
CREATE TABLE webhook_delivery (
    number      BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    workspace   TEXT COLLATE "C" NOT NULL,
    id          TEXT COLLATE "C" NOT NULL,
    endpoint    TEXT COLLATE "C" NOT NULL,
    position    TEXT NOT NULL,
    key         TEXT NOT NULL,
    body        TEXT NOT NULL,
    state       SMALLINT NOT NULL,
    attempts    BIGINT NOT NULL,
    next_at     BIGINT NOT NULL,
    last_status BIGINT,
    last_error  TEXT,
    created_at  BIGINT NOT NULL,
    done_at     BIGINT,
    claimed     SMALLINT NOT NULL DEFAULT 0,
    token       BIGINT NOT NULL DEFAULT 0,
    UNIQUE (workspace, id)
);
-- What a claim looks at: pending rows alone.
CREATE INDEX webhook_delivery_due ON webhook_delivery (workspace, endpoint, next_at, number) WHERE state = 1;
CREATE INDEX webhook_delivery_claimed ON webhook_delivery (workspace, endpoint, next_at) WHERE claimed = 1;
-- Pages and counts by state.
CREATE INDEX webhook_delivery_by_state ON webhook_delivery (workspace, endpoint, state, number);
-- What can be trimmed.
CREATE INDEX webhook_delivery_done ON webhook_delivery (workspace, done_at) WHERE done_at IS NOT NULL;
