-- Version 5. More about each list; who was changed by which list, and how they were before; badges of
-- people who left; how long revocations took; how the last pull of each source went.

CREATE TABLE IF NOT EXISTS version_detail (
   number INTEGER PRIMARY KEY NOT NULL,
   kind TEXT NOT NULL,
   to_version INTEGER,
   requirements TEXT NOT NULL,
   generated_at TEXT,
   modified_at TEXT,
   confirmed TEXT NOT NULL,
   bytes INTEGER NOT NULL,
   kept INTEGER NOT NULL
);

CREATE TABLE IF NOT EXISTS person_history (
   version INTEGER NOT NULL,
   person_id TEXT NOT NULL,
   op TEXT NOT NULL,
   fields TEXT NOT NULL,
   before TEXT,
   PRIMARY KEY (version, person_id)
) WITHOUT ROWID;

CREATE INDEX IF NOT EXISTS person_history_person ON person_history (person_id);

CREATE TABLE IF NOT EXISTS released_badge (
   key TEXT NOT NULL,
   person_id TEXT NOT NULL,
   at TEXT NOT NULL,
   PRIMARY KEY (key, person_id)
) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS revocation_delay (
   person_id TEXT NOT NULL,
   version INTEGER NOT NULL,
   revoked_at TEXT NOT NULL,
   effective_at TEXT NOT NULL,
   seconds REAL NOT NULL,
   PRIMARY KEY (person_id, version)
);

CREATE TABLE IF NOT EXISTS source_state (
   name TEXT PRIMARY KEY NOT NULL,
   pulled_at TEXT,
   good_at TEXT,
   etag TEXT,
   sha256 TEXT,
   serial INTEGER,
   failing_since TEXT,
   reason TEXT,
   waiting TEXT
);
