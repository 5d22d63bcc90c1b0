-- The audit log.

-- number: the order of insertion.
CREATE TABLE audit (
    number    BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    workspace TEXT COLLATE "C" NOT NULL,
    at        BIGINT NOT NULL,
    actor     TEXT COLLATE "C" NOT NULL,
    action    TEXT NOT NULL,
    subject   TEXT COLLATE "C" NOT NULL,
    details   TEXT NOT NULL
);
CREATE INDEX audit_by_time ON audit (workspace, at, number);
CREATE INDEX audit_by_actor ON audit (workspace, actor, at, number);
CREATE INDEX audit_by_subject ON audit (workspace, subject, at, number);

CREATE FUNCTION audit_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'entries of the audit log never change';
END
$$;
CREATE TRIGGER audit_stays BEFORE UPDATE ON audit FOR EACH ROW EXECUTE FUNCTION audit_stays();
