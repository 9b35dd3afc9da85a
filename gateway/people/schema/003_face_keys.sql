-- Version 3. The key of a person's face templates, wrapped, and when the person agreed to the face match.
-- A key is deleted with its person, and then the templates cannot be opened any more.

CREATE TABLE IF NOT EXISTS person_key (
   person_id TEXT PRIMARY KEY NOT NULL,
   wrapped BLOB NOT NULL,
   created_at TEXT NOT NULL,
   key_id TEXT NOT NULL
);

CREATE TABLE IF NOT EXISTS face_consent (
   person_id TEXT PRIMARY KEY NOT NULL,
   given_at TEXT NOT NULL,
   until TEXT,
   note TEXT,
   by TEXT
);
