-- The audit log.

-- number: the order of insertion.
CREATE TABLE audit (
    number    INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    workspace TEXT NOT NULL,
    at        INTEGER NOT NULL,
    actor     TEXT NOT NULL,
    action    TEXT NOT NULL,
    subject   TEXT NOT NULL,
    details   TEXT NOT NULL
) STRICT;
CREATE INDEX audit_by_time ON audit (workspace, at, number);
CREATE INDEX audit_by_actor ON audit (workspace, actor, at, number);
CREATE INDEX audit_by_subject ON audit (workspace, subject, at, number);

CREATE TRIGGER audit_stays BEFORE UPDATE ON audit BEGIN
    SELECT RAISE(ABORT, 'entries of the audit log never change');
END;
