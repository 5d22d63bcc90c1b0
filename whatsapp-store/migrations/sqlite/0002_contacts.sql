-- People who can be written to, their consent, and who must not be written to.

-- words: what searches look at, each with a space before it. tags: JSON, for reading; contact_tag is for finding. fields: JSON.
CREATE TABLE contact (
    workspace        TEXT NOT NULL,
    id               TEXT NOT NULL,
    phone            TEXT,
    lid              TEXT,
    name             TEXT NOT NULL,
    words            TEXT NOT NULL,
    tags             TEXT NOT NULL,
    fields           TEXT NOT NULL,
    consent_scope    TEXT,
    consent_source   TEXT,
    consent_at       INTEGER,
    consent_evidence TEXT,
    opted_out_at     INTEGER,
    last_seen_at     INTEGER,
    time_zone        TEXT,
    created_at       INTEGER NOT NULL,
    updated_at       INTEGER NOT NULL,
    PRIMARY KEY (workspace, id)
) STRICT;
CREATE UNIQUE INDEX contact_by_phone ON contact (workspace, phone);
CREATE UNIQUE INDEX contact_by_lid ON contact (workspace, lid);
CREATE INDEX contact_by_time ON contact (workspace, created_at, id);

-- created_at: the contact's, which never changes, so that the newest with a tag are found by the index.
CREATE TABLE contact_tag (
    workspace  TEXT NOT NULL,
    tag        TEXT NOT NULL,
    contact    TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (workspace, tag, contact)
) STRICT, WITHOUT ROWID;
CREATE INDEX contact_tag_by_time ON contact_tag (workspace, tag, created_at, contact);

-- Outlives the contact.
CREATE TABLE suppression (
    workspace TEXT NOT NULL,
    address   TEXT NOT NULL,
    reason    TEXT NOT NULL,
    at        INTEGER NOT NULL,
    PRIMARY KEY (workspace, address)
) STRICT, WITHOUT ROWID;
