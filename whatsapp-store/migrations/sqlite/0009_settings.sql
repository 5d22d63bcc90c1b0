-- Settings of a workspace, and who was written to lately.

-- value: sealed.
CREATE TABLE setting (
    workspace TEXT NOT NULL,
    name      TEXT NOT NULL,
    value     BLOB NOT NULL,
    PRIMARY KEY (workspace, name)
) STRICT, WITHOUT ROWID;

-- person: a keyed hash of an address.
CREATE TABLE reach (
    workspace TEXT NOT NULL,
    person    INTEGER NOT NULL,
    at        INTEGER NOT NULL,
    sender    TEXT NOT NULL,
    PRIMARY KEY (workspace, person, at, sender)
) STRICT, WITHOUT ROWID;
CREATE INDEX reach_by_sender ON reach (workspace, sender, at, person);
CREATE INDEX reach_by_age ON reach (workspace, at);
