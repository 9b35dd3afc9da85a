-- Version 6. Visitors and their temporary badges, which no list counts or removes (gateway/desk/visits);
-- business partners; trucks at the gate and high-security seals (gateway/desk/freight).  A freight
-- transaction is one JSON document with the columns by which it is found.

CREATE TABLE IF NOT EXISTS partner (
   key TEXT PRIMARY KEY NOT NULL,
   name TEXT NOT NULL,
   kind TEXT NOT NULL,
   programme TEXT NOT NULL,
   number TEXT NOT NULL,
   questionnaire TEXT,
   valid_until TEXT NOT NULL,
   status TEXT NOT NULL,
   note TEXT NOT NULL,
   version INTEGER NOT NULL,
   set_at TEXT NOT NULL,
   by TEXT NOT NULL
);

CREATE TABLE IF NOT EXISTS partner_history (
   key TEXT NOT NULL,
   version INTEGER NOT NULL,
   at TEXT NOT NULL,
   by TEXT NOT NULL,
   data TEXT NOT NULL,
   PRIMARY KEY (key, version)
);

CREATE TABLE IF NOT EXISTS visit (
   id INTEGER PRIMARY KEY NOT NULL,
   version INTEGER NOT NULL,
   state TEXT NOT NULL,
   name TEXT NOT NULL,
   company TEXT NOT NULL,
   kind TEXT NOT NULL,
   host TEXT NOT NULL,
   purpose TEXT NOT NULL,
   escort INTEGER NOT NULL,
   regular INTEGER NOT NULL,
   expected_from TEXT NOT NULL,
   expected_until TEXT NOT NULL,
   created_at TEXT NOT NULL,
   created_by TEXT NOT NULL,
   arrived_at TEXT,
   arrived_by TEXT NOT NULL,
   id_kind TEXT NOT NULL,
   id_fingerprint TEXT NOT NULL,
   id_number TEXT NOT NULL,
   released_by TEXT NOT NULL,
   release_reason TEXT NOT NULL,
   host_contacted_at TEXT,
   escort_name TEXT NOT NULL,
   badge TEXT NOT NULL,
   badge_fingerprint TEXT NOT NULL,
   badge_issued_at TEXT,
   badge_returned_at TEXT,
   departed_at TEXT,
   departed_by TEXT NOT NULL,
   note TEXT NOT NULL
);

CREATE INDEX IF NOT EXISTS visit_state ON visit (state, expected_until);

CREATE INDEX IF NOT EXISTS visit_arrived ON visit (arrived_at);

CREATE INDEX IF NOT EXISTS visit_document ON visit (id_fingerprint);

CREATE INDEX IF NOT EXISTS visit_badge_mark ON visit (badge_fingerprint);

CREATE TABLE IF NOT EXISTS visit_badge (
   key TEXT PRIMARY KEY NOT NULL,
   visit_id INTEGER NOT NULL UNIQUE,
   person_id TEXT NOT NULL UNIQUE,
   name TEXT NOT NULL,
   company TEXT NOT NULL,
   role TEXT NOT NULL,
   since TEXT NOT NULL,
   until TEXT NOT NULL,
   access_levels TEXT NOT NULL
);

CREATE TABLE IF NOT EXISTS regular_visitor (
   key TEXT PRIMARY KEY NOT NULL,
   name TEXT NOT NULL,
   company TEXT NOT NULL,
   added_at TEXT NOT NULL,
   by TEXT NOT NULL
);

CREATE TABLE IF NOT EXISTS freight (
   id INTEGER PRIMARY KEY NOT NULL,
   version INTEGER NOT NULL,
   stage TEXT NOT NULL,
   status TEXT NOT NULL,
   expected_at TEXT,
   arrived_at TEXT,
   departed_at TEXT,
   words TEXT NOT NULL,
   doc TEXT NOT NULL
);

CREATE INDEX IF NOT EXISTS freight_stage ON freight (stage, expected_at);

CREATE INDEX IF NOT EXISTS freight_arrived ON freight (arrived_at);

CREATE INDEX IF NOT EXISTS freight_document
   ON freight (json_extract(doc, '$.arrival.id_fingerprint'));

CREATE TABLE IF NOT EXISTS seal_batch (
   id INTEGER PRIMARY KEY NOT NULL,
   class TEXT NOT NULL,
   certificate TEXT NOT NULL,
   certificate_sha256 TEXT NOT NULL,
   supplier TEXT NOT NULL,
   received_at TEXT NOT NULL,
   by TEXT NOT NULL
);

CREATE TABLE IF NOT EXISTS seal (
   number TEXT PRIMARY KEY NOT NULL,
   batch INTEGER NOT NULL,
   state TEXT NOT NULL,
   issued_to TEXT NOT NULL,
   freight INTEGER,
   changed_at TEXT NOT NULL,
   by TEXT NOT NULL,
   note TEXT NOT NULL
);

CREATE INDEX IF NOT EXISTS seal_state ON seal (state, batch);
