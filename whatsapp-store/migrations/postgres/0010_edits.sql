-- Edits: of what people manage, and of messages by their senders. Events are written in large numbers: fewer indexes.

-- Rises with every write of a person, so that a commit can say what it replaces.
ALTER TABLE session ADD COLUMN updated_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE workspace ADD COLUMN updated_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE member ADD COLUMN updated_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE api_key ADD COLUMN updated_at BIGINT NOT NULL DEFAULT 0;
UPDATE session SET updated_at = created_at;
UPDATE workspace SET updated_at = created_at;
UPDATE member SET updated_at = created_at;
UPDATE api_key SET updated_at = created_at;
CREATE INDEX session_by_time ON session (workspace, created_at, account);

-- When its sender last edited it.
ALTER TABLE message ADD COLUMN edited_at BIGINT;

-- Edits and deletions that came before their messages.
CREATE TABLE message_edit (
    workspace TEXT COLLATE "C" NOT NULL,
    account   TEXT COLLATE "C" NOT NULL,
    chat      TEXT COLLATE "C" NOT NULL,
    sender    TEXT COLLATE "C" NOT NULL,
    id        TEXT COLLATE "C" NOT NULL,
    content   TEXT NOT NULL,
    at        BIGINT NOT NULL,
    PRIMARY KEY (workspace, account, chat, sender, id)
);

-- Numbers alone are looked up by nobody. Old events lie together, so a summary of each range of pages finds them.
ALTER TABLE event DROP CONSTRAINT event_pkey;
DROP INDEX event_in_order;
ALTER TABLE event ADD PRIMARY KEY (tx, number);
DROP INDEX event_by_time;
CREATE INDEX event_by_time ON event USING brin (at) WITH (pages_per_range = 32, autosummarize = on);
