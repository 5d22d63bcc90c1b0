-- Campaigns: their audience, the state of each recipient, and who sends which part.
-- A campaign is found by workspace and id. What belongs to it leads with the campaign's key or the lane's, which are unique
-- over all workspaces and which every query looks up by workspace and id first. A recipient has one number for all three,
-- the lane's key times 2^31 plus the place in the lane: the shortest key there is, and one that is only ever looked up whole,
-- while PostgreSQL, as long as it has no statistics, would rather look up a part of a longer one and read through the rest.
-- Text is compared by bytes.

-- The last number given to a campaign of a workspace. Numbers are never given twice.
CREATE TABLE campaign_number (
    workspace TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    last      BIGINT NOT NULL
);

CREATE TABLE campaign (
    workspace  TEXT COLLATE "C" NOT NULL,
    id         TEXT COLLATE "C" NOT NULL,
    key        BIGINT GENERATED ALWAYS AS IDENTITY UNIQUE,
    number     BIGINT NOT NULL,
    name       TEXT NOT NULL,
    state      SMALLINT NOT NULL,
    reason     TEXT,
    definition TEXT NOT NULL,
    base_at    BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (workspace, id),
    UNIQUE (workspace, number)
) WITH (fillfactor = 80);
CREATE INDEX campaign_by_state ON campaign (state);

-- epoch: the last one given to a lease of the lane. definition: null while there is an audience alone.
CREATE TABLE campaign_lane (
    campaign   BIGINT NOT NULL,
    lane       INTEGER NOT NULL,
    key        BIGINT GENERATED ALWAYS AS IDENTITY UNIQUE,
    next       INTEGER NOT NULL DEFAULT 0,
    "end"      INTEGER NOT NULL DEFAULT 0,
    epoch      BIGINT NOT NULL DEFAULT 0,
    definition TEXT,
    PRIMARY KEY (campaign, lane)
) WITH (fillfactor = 50);

-- Written once.
CREATE TABLE campaign_audience (
    id        BIGINT NOT NULL PRIMARY KEY,
    address   TEXT NOT NULL,
    consent   TEXT NOT NULL,
    variables BYTEA NOT NULL
);

-- Rewritten several times for each message: no second index and room in each page, so that an update stays in its page. With
-- room for two more of each row, 98 of 100 do; with room for one, 80 do, and the table grows to the same size.
-- Times are seconds since the campaign's base_at; the lowest number says that there is none. Nothing is null, since a
-- map of nulls would cost 8 bytes in each row. code and sender are unsigned numbers of 16 bits.
CREATE TABLE campaign_recipient (
    id        BIGINT NOT NULL PRIMARY KEY,
    sent      INTEGER NOT NULL DEFAULT -2147483648,
    delivered INTEGER NOT NULL DEFAULT -2147483648,
    read      INTEGER NOT NULL DEFAULT -2147483648,
    state     SMALLINT NOT NULL DEFAULT 0,
    prior     SMALLINT NOT NULL DEFAULT 0,
    flags     SMALLINT NOT NULL DEFAULT 0,
    tries     SMALLINT NOT NULL DEFAULT 0,
    code      SMALLINT NOT NULL DEFAULT 0,
    sender    SMALLINT NOT NULL DEFAULT 0
) WITH (fillfactor = 35);

-- owner: null when the range was given back. reclaimed: it was once taken from somebody else. retry: it stands for those
-- of campaign_retry with its epoch.
CREATE TABLE campaign_lease (
    lane      BIGINT NOT NULL,
    epoch     BIGINT NOT NULL,
    lo        INTEGER NOT NULL,
    hi        INTEGER NOT NULL,
    owner     TEXT,
    until     BIGINT NOT NULL,
    reclaimed SMALLINT NOT NULL,
    retry     SMALLINT NOT NULL,
    PRIMARY KEY (lane, epoch)
) WITH (fillfactor = 50);

-- epoch: of the lease that it is tried again under, or 0.
CREATE TABLE campaign_retry (
    lane     BIGINT NOT NULL,
    seq      INTEGER NOT NULL,
    due      BIGINT NOT NULL,
    epoch    BIGINT NOT NULL,
    PRIMARY KEY (lane, seq)
);
CREATE INDEX campaign_retry_due ON campaign_retry (lane, epoch, due);

-- shard: connections that write at the same time have different ones, and do not wait for each other.
CREATE TABLE campaign_counter (
    campaign BIGINT NOT NULL,
    shard    SMALLINT NOT NULL,
    state    SMALLINT NOT NULL,
    count    BIGINT NOT NULL,
    PRIMARY KEY (campaign, shard, state)
) WITH (fillfactor = 20);

-- Moves into a state. minute: since the Unix epoch.
CREATE TABLE campaign_minute (
    campaign BIGINT NOT NULL,
    minute   BIGINT NOT NULL,
    shard    SMALLINT NOT NULL,
    state    SMALLINT NOT NULL,
    count    BIGINT NOT NULL,
    PRIMARY KEY (campaign, minute, shard, state)
) WITH (fillfactor = 50);
