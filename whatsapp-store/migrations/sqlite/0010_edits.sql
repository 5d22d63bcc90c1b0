-- Edits: of what people manage, and of messages by their senders.

-- Rises with every write of a person, so that a commit can say what it replaces.
ALTER TABLE session ADD COLUMN updated_at INTEGER NOT NULL DEFAULT 0;
ALTER TABLE workspace ADD COLUMN updated_at INTEGER NOT NULL DEFAULT 0;
ALTER TABLE member ADD COLUMN updated_at INTEGER NOT NULL DEFAULT 0;
ALTER TABLE api_key ADD COLUMN updated_at INTEGER NOT NULL DEFAULT 0;
UPDATE session SET updated_at = created_at;
UPDATE workspace SET updated_at = created_at;
UPDATE member SET updated_at = created_at;
UPDATE api_key SET updated_at = created_at;
CREATE INDEX session_by_time ON session (workspace, created_at, account);

-- When its sender last edited it.
ALTER TABLE message ADD COLUMN edited_at INTEGER;

-- Edits and deletions that came before their messages.
CREATE TABLE message_edit (
    workspace TEXT NOT NULL,
    account   TEXT NOT NULL,
    chat      TEXT NOT NULL,
    sender    TEXT NOT NULL,
    id        TEXT NOT NULL,
    content   TEXT NOT NULL,
    at        INTEGER NOT NULL,
    PRIMARY KEY (workspace, account, chat, sender, id)
) STRICT;
