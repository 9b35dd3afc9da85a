-- Version 2. PINs, peppered and hashed (gateway/people/pins.py); the digits are never stored.

CREATE TABLE IF NOT EXISTS pin (
   person_id TEXT PRIMARY KEY NOT NULL,
   hash TEXT NOT NULL,
   duress_hash TEXT,
   set_at TEXT NOT NULL,
   by TEXT
);
