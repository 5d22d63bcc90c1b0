-- Counters for analytics.

-- step: how long the bucket is, as a code. start: where it begins. account: '' for what is of none.
CREATE TABLE counter (
    workspace TEXT NOT NULL,
    name      TEXT NOT NULL,
    step      INTEGER NOT NULL,
    start     INTEGER NOT NULL,
    account   TEXT NOT NULL,
    value     INTEGER NOT NULL,
    PRIMARY KEY (workspace, name, step, start, account)
) STRICT, WITHOUT ROWID;
