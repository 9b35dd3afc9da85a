-- Version 4. What people and companies have shown, and until when; doors for a while; escorts.
-- What belongs to a person is deleted with the person: an id that is given out again starts
-- with nothing.

CREATE TABLE IF NOT EXISTS requirement (
   subject_kind TEXT NOT NULL,
   subject TEXT NOT NULL,
   kind TEXT NOT NULL,
   valid_until TEXT,
   number TEXT,
   issued_at TEXT,
   note TEXT,
   set_at TEXT NOT NULL,
   by TEXT,
   PRIMARY KEY (subject_kind, subject, kind)
) WITHOUT ROWID;

CREATE INDEX IF NOT EXISTS requirement_due ON requirement (valid_until);

CREATE TABLE IF NOT EXISTS temporary_grant (
   id INTEGER PRIMARY KEY,
   person_id TEXT NOT NULL,
   kind TEXT NOT NULL,
   target TEXT NOT NULL,
   since TEXT NOT NULL,
   until TEXT NOT NULL,
   why TEXT,
   by TEXT,
   set_at TEXT NOT NULL
);

CREATE INDEX IF NOT EXISTS temporary_grant_person ON temporary_grant (person_id);

CREATE TABLE IF NOT EXISTS escort (
   person_id TEXT PRIMARY KEY NOT NULL,
   escorts TEXT NOT NULL,
   set_at TEXT NOT NULL,
   by TEXT
);

CREATE TRIGGER IF NOT EXISTS person_gone AFTER DELETE ON person BEGIN
   DELETE FROM requirement WHERE subject_kind = 'person' AND subject = OLD.id;
   DELETE FROM temporary_grant WHERE person_id = OLD.id;
   DELETE FROM escort WHERE person_id = OLD.id;
END;
