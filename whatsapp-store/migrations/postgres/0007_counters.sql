-- Counters for analytics.

-- step: how long the bucket is, as a code. start: where it begins. account: '' for what is of none. Half of each page is left
-- free: a few rows are written all the time, and stay in their page that way.
CREATE TABLE counter (
    workspace TEXT COLLATE "C" NOT NULL,
    name      TEXT COLLATE "C" NOT NULL,
    step      SMALLINT NOT NULL,
    start     BIGINT NOT NULL,
    account   TEXT COLLATE "C" NOT NULL,
    value     BIGINT NOT NULL,
    PRIMARY KEY (workspace, name, step, start, account)
) WITH (fillfactor = 50);
