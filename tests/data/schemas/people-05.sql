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
CREATE TABLE pin (
   person_id TEXT PRIMARY KEY NOT NULL,
   hash TEXT NOT NULL,
   duress_hash TEXT,
   set_at TEXT NOT NULL,
   by TEXT
);
INSERT INTO "pin" VALUES ('e1','$argon2id$v=19$m=65536,t=3,p=4$m3ZIjL1vabHX6sLEZMqrXQ$nCwUHLqXT7wusf17Ozur0BBMq3K+a8XaPQumL8qxO1w',NULL,'2026-11-20T08:00:00Z','x');
CREATE TABLE person_key (
   person_id TEXT PRIMARY KEY NOT NULL,
   wrapped BLOB NOT NULL,
   created_at TEXT NOT NULL,
   key_id TEXT NOT NULL
);
INSERT INTO "person_key" VALUES ('e1',X'0102','2026-11-20T07:30:00Z','k1');
CREATE TABLE face_consent (
   person_id TEXT PRIMARY KEY NOT NULL,
   given_at TEXT NOT NULL,
   until TEXT,
   note TEXT,
   by TEXT
);
INSERT INTO "face_consent" VALUES ('e1','2026-11-20T07:30:00Z','2028-01-01','paper','x');
CREATE TABLE requirement (
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
INSERT INTO "requirement" VALUES ('company','Norte S.A.','partner','2030-01-01',NULL,NULL,NULL,'2026-11-20T07:00:00Z','x');
INSERT INTO "requirement" VALUES ('person','e1','training','2030-01-01',NULL,NULL,NULL,'2026-11-20T07:00:00Z','x');
CREATE TABLE temporary_grant (
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
INSERT INTO "temporary_grant" VALUES (1,'e3','door','gate','2026-11-20T00:00:00Z','2030-01-01T00:00:00Z','','x','2026-11-20T07:00:00Z');
CREATE TABLE escort (
   person_id TEXT PRIMARY KEY NOT NULL,
   escorts TEXT NOT NULL,
   set_at TEXT NOT NULL,
   by TEXT
);
INSERT INTO "escort" VALUES ('e3','["e1"]','2026-11-20T07:00:00Z','x');
CREATE TABLE version_detail (
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
INSERT INTO "version_detail" VALUES (1,'sync',NULL,'[]',NULL,NULL,'[]',100,1);
CREATE TABLE person_history (
   version INTEGER NOT NULL,
   person_id TEXT NOT NULL,
   op TEXT NOT NULL,
   fields TEXT NOT NULL,
   before TEXT,
   PRIMARY KEY (version, person_id)
) WITHOUT ROWID;
INSERT INTO "person_history" VALUES (1,'e1','added','',NULL);
CREATE TABLE released_badge (
   key TEXT NOT NULL,
   person_id TEXT NOT NULL,
   at TEXT NOT NULL,
   PRIMARY KEY (key, person_id)
) WITHOUT ROWID;
CREATE TABLE revocation_delay (
   person_id TEXT NOT NULL,
   version INTEGER NOT NULL,
   revoked_at TEXT NOT NULL,
   effective_at TEXT NOT NULL,
   seconds REAL NOT NULL,
   PRIMARY KEY (person_id, version)
);
INSERT INTO "revocation_delay" VALUES ('e2',1,'2026-11-20T07:59:00Z','2026-11-20T08:00:00Z',60.0);
CREATE TABLE source_state (
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
CREATE INDEX idx_credential_person_id ON credential (person_id);
CREATE INDEX idx_template_person_id ON template (person_id);
CREATE INDEX requirement_due ON requirement (valid_until);
CREATE INDEX temporary_grant_person ON temporary_grant (person_id);
CREATE INDEX person_history_person ON person_history (person_id);
CREATE TRIGGER person_gone AFTER DELETE ON person BEGIN
   DELETE FROM requirement WHERE subject_kind = 'person' AND subject = OLD.id;
   DELETE FROM temporary_grant WHERE person_id = OLD.id;
   DELETE FROM escort WHERE person_id = OLD.id;
END;
PRAGMA user_version = 5;
