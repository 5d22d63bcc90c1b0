-- Settings of a workspace, and who was written to lately.

-- value: sealed.
CREATE TABLE setting (
    workspace TEXT COLLATE "C" NOT NULL,
    name      TEXT COLLATE "C" NOT NULL,
    value     BYTEA NOT NULL,
    PRIMARY KEY (workspace, name)
);

-- person: a keyed hash of an address.
CREATE TABLE reach (
    workspace TEXT COLLATE "C" NOT NULL,
    person    BIGINT NOT NULL,
    at        BIGINT NOT NULL,
    sender    TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (workspace, person, at, sender)
);
CREATE INDEX reach_by_sender ON reach (workspace, sender, at, person);
CREATE INDEX reach_by_age ON reach (workspace, at);
