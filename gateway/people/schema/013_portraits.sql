-- Version 13. A picture of a person's face, sealed with their key, for the guard who compares: only
-- where the site wants it (`[face] portraits`). It goes when the key goes.

CREATE TABLE IF NOT EXISTS portrait (
   person_id TEXT PRIMARY KEY NOT NULL,
   id TEXT NOT NULL,
   made_at TEXT NOT NULL,
   by TEXT,
   sealed BLOB NOT NULL
);
