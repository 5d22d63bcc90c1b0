-- Settings, contacted, and the flags of campaigns.

-- value: sealed, where there is a key.
CREATE TABLE setting (
    workspace TEXT NOT NULL,
    name      TEXT NOT NULL,
    value     BLOB NOT NULL,
    PRIMARY KEY (workspace, name)
) STRICT, WITHOUT ROWID;

-- Who was written to by whom and when. person: a number without sign, less 2^63, so that the order is the same. One person's times
-- lie together, and so do one time's people, of whom the oldest go first.
CREATE TABLE contacted (
    workspace TEXT NOT NULL,
    person    INTEGER NOT NULL,
    at        INTEGER NOT NULL,
    sender    TEXT NOT NULL,
    PRIMARY KEY (workspace, person, at, sender)
) STRICT, WITHOUT ROWID;
CREATE INDEX contacted_by_time ON contacted (workspace, at, sender, person);

-- How many recipients have a flag, by its bit. shard: as in campaign_counter.
CREATE TABLE campaign_flag (
    campaign INTEGER NOT NULL,
    shard    INTEGER NOT NULL,
    flag     INTEGER NOT NULL,
    count    INTEGER NOT NULL,
    PRIMARY KEY (campaign, flag, shard)
) STRICT, WITHOUT ROWID;

-- Of campaigns that were there before.
INSERT INTO campaign_flag (campaign, shard, flag, count)
    WITH bits (flag) AS (VALUES (1), (2), (4), (8), (16), (32), (64), (128))
    SELECT lane.campaign, 0, bits.flag, COUNT(*)
    FROM campaign_recipient recipient
    JOIN campaign_lane lane ON lane.key = recipient.id >> 31
    JOIN bits ON recipient.flags & bits.flag <> 0
    WHERE recipient.flags <> 0
    GROUP BY lane.campaign, bits.flag;
