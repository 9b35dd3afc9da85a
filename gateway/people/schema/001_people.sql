-- Version 1. The people in force, their badges, revocations made here, face templates, the lists that
-- were applied, and acts on their way to the log.

CREATE TABLE IF NOT EXISTS person (
   id TEXT PRIMARY KEY,
   name TEXT NOT NULL,
   company TEXT NOT NULL,
   role TEXT NOT NULL,
   valid_from TEXT,
   valid_until TEXT,
   status TEXT NOT NULL,
   access_levels TEXT NOT NULL
);

CREATE TABLE IF NOT EXISTS credential (
   key TEXT PRIMARY KEY,
   person_id TEXT NOT NULL REFERENCES person(id)
);

CREATE INDEX IF NOT EXISTS idx_credential_person_id ON credential (person_id);

CREATE TABLE IF NOT EXISTS revocation (
   person_id TEXT PRIMARY KEY,
   at TEXT NOT NULL,
   why TEXT,
   by TEXT
);

CREATE TABLE IF NOT EXISTS list_version (
   number INTEGER PRIMARY KEY,
   applied_at TEXT,
   source TEXT,
   source_sha256 TEXT,
   added INTEGER,
   changed INTEGER,
   removed INTEGER,
   total INTEGER,
   by TEXT
);

CREATE TABLE IF NOT EXISTS template (
   id TEXT PRIMARY KEY,
   person_id TEXT NOT NULL,
   model TEXT NOT NULL,
   created_at TEXT NOT NULL,
   quality TEXT,
   sealed BLOB NOT NULL
);

CREATE INDEX IF NOT EXISTS idx_template_person_id ON template (person_id);

CREATE TABLE IF NOT EXISTS outbox (
   id TEXT PRIMARY KEY,
   created_at TEXT NOT NULL,
   type TEXT NOT NULL,
   subject TEXT NOT NULL,
   data TEXT NOT NULL
);
