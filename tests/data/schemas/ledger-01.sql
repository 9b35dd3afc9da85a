CREATE TABLE events (
    seq  INTEGER PRIMARY KEY,
    id   TEXT,             -- only for events that could be handed in twice
    body TEXT NOT NULL,
    hash BLOB NOT NULL
);
INSERT INTO "events" VALUES (1,NULL,'{"data":{"chain":"4403a9909b631a48"},"id":"4403a9909b631a48-1","subject":"gate","time":"2026-11-27T11:30:57.140Z","type":"ledger.created"}',X'4DEB009293B99E6D0399C9418300827590EA2B05025BD33E6A8484AE92EBF2E7');
INSERT INTO "events" VALUES (2,NULL,'{"data":{"door":"gate","n":0,"reason":"granted"},"id":"4403a9909b631a48-2","subject":"gate","time":"2026-11-20T08:00:00.000Z","type":"access.granted"}',X'77CF13CC72C78C670606993C467F1642EE7D2D67EEB59E6E16931A57B7255A07');
INSERT INTO "events" VALUES (3,NULL,'{"data":{"door":"gate","n":1,"reason":"granted"},"id":"4403a9909b631a48-3","subject":"gate","time":"2026-11-20T08:01:00.000Z","type":"access.granted"}',X'59887CF7AF45E3A97E6D5CDD2F7BE3F49C9D568632803744F90C5B11EF44445A');
INSERT INTO "events" VALUES (4,NULL,'{"data":{"door":"gate","n":2,"reason":"granted"},"id":"4403a9909b631a48-4","subject":"gate","time":"2026-11-20T08:02:00.000Z","type":"access.granted"}',X'F9D4829F6271FF9AC0035B6C7B9EA5C47D325806C3BCD7BAE81BF5F4AE6AB81B');
INSERT INTO "events" VALUES (5,NULL,'{"data":{"door":"gate","n":3,"reason":"granted"},"id":"4403a9909b631a48-5","subject":"gate","time":"2026-11-20T08:03:00.000Z","type":"access.granted"}',X'31F3EAE51598BCEAD323CC3690465F8338F36772FFBBD3484FFFB4DCAC254ED1');
INSERT INTO "events" VALUES (6,NULL,'{"data":{"door":"gate","n":4,"reason":"granted"},"id":"4403a9909b631a48-6","subject":"gate","time":"2026-11-20T08:04:00.000Z","type":"access.granted"}',X'E226BDE0376B62452D834DB56DB65FB2BE934F1B0C84FA664B9E4BC1A921225A');
CREATE UNIQUE INDEX events_id ON events (id) WHERE id IS NOT NULL;
CREATE TRIGGER events_no_update BEFORE UPDATE ON events
    BEGIN SELECT RAISE(ABORT, 'the log is append-only'); END;
CREATE TRIGGER events_no_delete BEFORE DELETE ON events
    BEGIN SELECT RAISE(ABORT, 'the log is append-only'); END;
PRAGMA user_version = 0;
