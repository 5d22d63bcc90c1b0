-- Campaigns: their audience, the state of each recipient, and who sends which part.
-- A campaign is found by workspace and id. What belongs to it leads with the campaign's key or the lane's, which are unique
-- over all workspaces and which every query looks up by workspace and id first. A recipient has one number for all three,
-- the lane's key times 2^31 plus the place in the lane: the shortest key there is, and one that is only ever looked up whole,
-- while PostgreSQL, as long as it has no statistics, would rather look up a part of a longer one and read through the rest.

-- The last number given to a campaign of a workspace. Numbers are never given twice.
CREATE TABLE campaign_number (
    workspace TEXT NOT NULL PRIMARY KEY,
    last      INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- AUTOINCREMENT: no key is ever given twice.
CREATE TABLE campaign (
    key        INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    workspace  TEXT NOT NULL,
    id         TEXT NOT NULL,
    number     INTEGER NOT NULL,
    name       TEXT NOT NULL,
    state      INTEGER NOT NULL,
    reason     TEXT,
    definition TEXT NOT NULL,
    base_at    INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    UNIQUE (workspace, id),
    UNIQUE (workspace, number)
) STRICT;
CREATE INDEX campaign_by_state ON campaign (state);

-- epoch: the last one given to a lease of the lane. definition: null while there is an audience alone.
-- AUTOINCREMENT: no key is ever given twice.
CREATE TABLE campaign_lane (
    key        INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    campaign   INTEGER NOT NULL,
    lane       INTEGER NOT NULL,
    next       INTEGER NOT NULL DEFAULT 0,
    "end"      INTEGER NOT NULL DEFAULT 0,
    epoch      INTEGER NOT NULL DEFAULT 0,
    definition TEXT,
    UNIQUE (campaign, lane)
) STRICT;

-- Written once.
CREATE TABLE campaign_audience (
    id        INTEGER NOT NULL PRIMARY KEY,
    address   TEXT NOT NULL,
    consent   TEXT NOT NULL,
    variables BLOB NOT NULL
) STRICT;

-- Rewritten several times for each message: short, and no second index. Times are seconds since the campaign's base_at;
-- the lowest number says that there is none. code and sender are unsigned numbers of 16 bits.
CREATE TABLE campaign_recipient (
    id        INTEGER NOT NULL PRIMARY KEY,
    sent      INTEGER NOT NULL DEFAULT -2147483648,
    delivered INTEGER NOT NULL DEFAULT -2147483648,
    read      INTEGER NOT NULL DEFAULT -2147483648,
    state     INTEGER NOT NULL DEFAULT 0,
    prior     INTEGER NOT NULL DEFAULT 0,
    flags     INTEGER NOT NULL DEFAULT 0,
    tries     INTEGER NOT NULL DEFAULT 0,
    code      INTEGER NOT NULL DEFAULT 0,
    sender    INTEGER NOT NULL DEFAULT 0
) STRICT;

-- owner: null when the range was given back. reclaimed: it was once taken from somebody else. retry: it stands for those
-- of campaign_retry with its epoch.
CREATE TABLE campaign_lease (
    lane      INTEGER NOT NULL,
    epoch     INTEGER NOT NULL,
    lo        INTEGER NOT NULL,
    hi        INTEGER NOT NULL,
    owner     TEXT,
    until     INTEGER NOT NULL,
    reclaimed INTEGER NOT NULL,
    retry     INTEGER NOT NULL,
    PRIMARY KEY (lane, epoch)
) STRICT, WITHOUT ROWID;

-- epoch: of the lease that it is tried again under, or 0.
CREATE TABLE campaign_retry (
    lane     INTEGER NOT NULL,
    seq      INTEGER NOT NULL,
    due      INTEGER NOT NULL,
    epoch    INTEGER NOT NULL,
    PRIMARY KEY (lane, seq)
) STRICT, WITHOUT ROWID;
CREATE INDEX campaign_retry_due ON campaign_retry (lane, epoch, due);

-- shard: of use on servers, where several connections write at once.
CREATE TABLE campaign_counter (
    campaign INTEGER NOT NULL,
    shard    INTEGER NOT NULL,
    state    INTEGER NOT NULL,
    count    INTEGER NOT NULL,
    PRIMARY KEY (campaign, shard, state)
) STRICT, WITHOUT ROWID;

-- Moves into a state. minute: since the Unix epoch.
CREATE TABLE campaign_minute (
    campaign INTEGER NOT NULL,
    minute   INTEGER NOT NULL,
    shard    INTEGER NOT NULL,
    state    INTEGER NOT NULL,
    count    INTEGER NOT NULL,
    PRIMARY KEY (campaign, minute, shard, state)
) STRICT, WITHOUT ROWID;
