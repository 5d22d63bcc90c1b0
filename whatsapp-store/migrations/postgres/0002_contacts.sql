-- People who can be written to, their consent, and who must not be written to.

-- words: what searches look at, each with a space before it. tags: JSON, for reading; contact_tag is for finding. fields: JSON.
-- Room in the pages and no index on last_seen_at: noting a sign of life leaves the indexes alone.
CREATE TABLE contact (
    workspace        TEXT COLLATE "C" NOT NULL,
    id               TEXT COLLATE "C" NOT NULL,
    phone            TEXT COLLATE "C",
    lid              TEXT COLLATE "C",
    name             TEXT NOT NULL,
    words            TEXT COLLATE "C" NOT NULL,
    tags             TEXT NOT NULL,
    fields           TEXT NOT NULL,
    consent_scope    TEXT COLLATE "C",
    consent_source   TEXT,
    consent_at       BIGINT,
    consent_evidence TEXT,
    opted_out_at     BIGINT,
    last_seen_at     BIGINT,
    time_zone        TEXT,
    created_at       BIGINT NOT NULL,
    updated_at       BIGINT NOT NULL,
    PRIMARY KEY (workspace, id)
) WITH (fillfactor = 80);
CREATE UNIQUE INDEX contact_by_phone ON contact (workspace, phone);
CREATE UNIQUE INDEX contact_by_lid ON contact (workspace, lid);
CREATE INDEX contact_by_time ON contact (workspace, created_at, id);

-- created_at: the contact's, which never changes, so that the newest with a tag are found by the index.
CREATE TABLE contact_tag (
    workspace  TEXT COLLATE "C" NOT NULL,
    tag        TEXT COLLATE "C" NOT NULL,
    contact    TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (workspace, tag, contact)
);
CREATE INDEX contact_tag_by_time ON contact_tag (workspace, tag, created_at, contact);

-- Outlives the contact.
CREATE TABLE suppression (
    workspace TEXT COLLATE "C" NOT NULL,
    address   TEXT COLLATE "C" NOT NULL,
    reason    TEXT NOT NULL,
    at        BIGINT NOT NULL,
    PRIMARY KEY (workspace, address)
);
