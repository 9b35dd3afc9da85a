CREATE TABLE person (
   id TEXT PRIMARY KEY,
   name TEXT NOT NULL,
   company TEXT NOT NULL,
   role TEXT NOT NULL,
   valid_from TEXT,
   valid_until TEXT,
   status TEXT NOT NULL,
   access_levels TEXT NOT NULL
);
INSERT INTO "person" VALUES ('e1','Ana','Norte S.A.','','2026-01-01',NULL,'active','["plant"]');
INSERT INTO "person" VALUES ('e2','Ben','','','2026-01-01',NULL,'active','["plant"]');
INSERT INTO "person" VALUES ('e3','Eva','','','2026-01-01',NULL,'suspended','["plant"]');
CREATE TABLE credential (
   key TEXT PRIMARY KEY,
   person_id TEXT NOT NULL REFERENCES person(id)
);
INSERT INTO "credential" VALUES ('em4100:18:1001','e1');
INSERT INTO "credential" VALUES ('em4100:18:1002','e2');
INSERT INTO "credential" VALUES ('em4100:18:1003','e3');
CREATE TABLE revocation (
   person_id TEXT PRIMARY KEY,
   at TEXT NOT NULL,
   why TEXT,
   by TEXT
);
INSERT INTO "revocation" VALUES ('e2','2026-11-20T08:00:00Z','left','x');
CREATE TABLE list_version (
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
INSERT INTO "list_version" VALUES (1,'2026-11-20T07:00:00Z','people.csv','ab',3,0,0,3,'x');
CREATE TABLE template (
   id TEXT PRIMARY KEY,
   person_id TEXT NOT NULL,
   model TEXT NOT NULL,
   created_at TEXT NOT NULL,
   quality TEXT,
   sealed BLOB NOT NULL
);
INSERT INTO "template" VALUES ('t1','e1','dlib','2026-11-20T07:30:00Z','{}',X'00FF');
CREATE TABLE outbox (
   id TEXT PRIMARY KEY,
   created_at TEXT NOT NULL,
   type TEXT NOT NULL,
   subject TEXT NOT NULL,
   data TEXT NOT NULL
);
INSERT INTO "outbox" VALUES ('act-1','2026-11-20T08:00:00Z','people.revoked','e2','{"by": "x"}');
CREATE INDEX idx_credential_person_id ON credential (person_id);
CREATE INDEX idx_template_person_id ON template (person_id);
PRAGMA user_version = 1;
