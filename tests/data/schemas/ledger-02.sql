CREATE TABLE events (
    seq  INTEGER PRIMARY KEY,
    id   TEXT,             -- only for events that could be handed in twice
    body TEXT NOT NULL,
    hash BLOB NOT NULL
);
INSERT INTO "events" VALUES (1,NULL,'{"data":{"chain":"991e4b82e7e25ac2"},"id":"991e4b82e7e25ac2-1","subject":"gate","time":"2026-11-27T11:30:58.089Z","type":"ledger.created"}',X'D1AEA71C9668810717C9309B4E2F1254DFC2F831E9D91C470661D55F602ADB7A');
INSERT INTO "events" VALUES (2,NULL,'{"data":{"door":"gate","n":0,"reason":"granted"},"id":"991e4b82e7e25ac2-2","subject":"gate","time":"2026-11-20T08:00:00.000Z","type":"access.granted"}',X'11099440C1AE49C8681D6B804630A6DFAFF9F139BB6650BB12EDD20060F3EED3');
INSERT INTO "events" VALUES (3,NULL,'{"data":{"door":"gate","n":1,"reason":"granted"},"id":"991e4b82e7e25ac2-3","subject":"gate","time":"2026-11-20T08:01:00.000Z","type":"access.granted"}',X'A57C6AB0377CE25F29240E25CAC2267C0FCB6C433A1C0CE31E6F0ED4C6A6F760');
INSERT INTO "events" VALUES (4,NULL,'{"data":{"door":"gate","n":2,"reason":"granted"},"id":"991e4b82e7e25ac2-4","subject":"gate","time":"2026-11-20T08:02:00.000Z","type":"access.granted"}',X'AC998011BC28CAF294218CAE6894F30F71843431F5DD7273841451DD17C1DBFB');
INSERT INTO "events" VALUES (5,NULL,'{"data":{"door":"gate","n":3,"reason":"granted"},"id":"991e4b82e7e25ac2-5","subject":"gate","time":"2026-11-20T08:03:00.000Z","type":"access.granted"}',X'85464E3E767110A7B6157DD2D99434D4C706423D06BC860155E3B49F9905FEAC');
INSERT INTO "events" VALUES (6,NULL,'{"data":{"door":"gate","n":4,"reason":"granted"},"id":"991e4b82e7e25ac2-6","subject":"gate","time":"2026-11-20T08:04:00.000Z","type":"access.granted"}',X'514C1DEFF26C0A26019A07215BCFADD90501B667483CFA84CD1D1E6FF07DBD63');
CREATE TABLE clock_marks (
    one  INTEGER PRIMARY KEY CHECK (one = 1),
    seq  INTEGER NOT NULL,  -- the newest record that is taken in
    high TEXT NOT NULL,
    sure TEXT NOT NULL      -- empty: the clock was never beyond doubt
);
INSERT INTO "clock_marks" VALUES (1,6,'2026-11-27T11:30:58.089Z','');
CREATE UNIQUE INDEX events_id ON events (id) WHERE id IS NOT NULL;
CREATE TRIGGER events_no_update BEFORE UPDATE ON events
    BEGIN SELECT RAISE(ABORT, 'the log is append-only'); END;
CREATE TRIGGER events_no_delete BEFORE DELETE ON events
    BEGIN SELECT RAISE(ABORT, 'the log is append-only'); END;
PRAGMA user_version = 0;
