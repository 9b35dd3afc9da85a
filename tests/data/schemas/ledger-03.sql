CREATE TABLE events (
    seq  INTEGER PRIMARY KEY,
    id   TEXT,             -- only for events that could be handed in twice
    body TEXT NOT NULL,
    hash BLOB NOT NULL
);
INSERT INTO "events" VALUES (1,NULL,'{"data":{"chain":"6263b3f3d596d71d"},"id":"6263b3f3d596d71d-1","subject":"gate","time":"2026-11-27T11:30:59.561Z","type":"ledger.created"}',X'E3E11752619E04E29FA6DDF734A1BAD3CD658672ABB803DD3AF14BF6EA965E58');
INSERT INTO "events" VALUES (2,NULL,'{"data":{"door":"gate","n":0,"reason":"granted"},"id":"6263b3f3d596d71d-2","subject":"gate","time":"2026-11-20T08:00:00.000Z","type":"access.granted"}',X'A33EBDF1E4FF21647C797F53C1E995B63691FFE605F53C05337B1E756E52F238');
INSERT INTO "events" VALUES (3,NULL,'{"data":{"door":"gate","n":1,"reason":"granted"},"id":"6263b3f3d596d71d-3","subject":"gate","time":"2026-11-20T08:01:00.000Z","type":"access.granted"}',X'9760DDFE56CC3569CF6474799D986635F0CAFEA0AC5FB20C432522AD2B8F13EF');
INSERT INTO "events" VALUES (4,NULL,'{"data":{"door":"gate","n":2,"reason":"granted"},"id":"6263b3f3d596d71d-4","subject":"gate","time":"2026-11-20T08:02:00.000Z","type":"access.granted"}',X'B99A6AEB12CA16AB24B2BE5E3B56EC77686E910D934CFC99BE7D9983E6472E72');
INSERT INTO "events" VALUES (5,NULL,'{"data":{"door":"gate","n":3,"reason":"granted"},"id":"6263b3f3d596d71d-5","subject":"gate","time":"2026-11-20T08:03:00.000Z","type":"access.granted"}',X'12791E5332F30A396E0F2BEBE58BFC5AF8227EE8F16C7007ECBB82E709ECBCF7');
INSERT INTO "events" VALUES (6,NULL,'{"data":{"door":"gate","n":4,"reason":"granted"},"id":"6263b3f3d596d71d-6","subject":"gate","time":"2026-11-20T08:04:00.000Z","type":"access.granted"}',X'69FA08C463FDD2CA4092C309087AE70D989D419010B446954416FB88AB09BD54');
CREATE TABLE clock_marks (
    one  INTEGER PRIMARY KEY CHECK (one = 1),
    seq  INTEGER NOT NULL,  -- the newest record that is taken in
    high TEXT NOT NULL,
    sure TEXT NOT NULL      -- empty: the clock was never beyond doubt
);
INSERT INTO "clock_marks" VALUES (1,6,'2026-11-27T11:30:59.561Z','');
CREATE TABLE origins (
    first INTEGER PRIMARY KEY,  -- the number of the origin's first record
    chain TEXT NOT NULL,        -- its name, as in the ids of its records
    known_chain TEXT NOT NULL,  -- the record that somebody knew and the log did not hold:
    known_seq INTEGER NOT NULL  -- whoever knows it, or one before it, tells nothing new
);
INSERT INTO "origins" VALUES (1,'6263b3f3d596d71d','',0);
CREATE TABLE tiles (
    origin INTEGER NOT NULL,   -- the number of the origin's first record
    level  INTEGER NOT NULL,
    idx    INTEGER NOT NULL,
    hashes BLOB NOT NULL,      -- 256 hashes, 8,192 bytes
    root   BLOB NOT NULL,
    PRIMARY KEY (origin, level, idx)
) WITHOUT ROWID;
CREATE TABLE checkpoints (
    origin INTEGER NOT NULL,
    size   INTEGER NOT NULL,   -- of the tree
    note   TEXT NOT NULL,      -- the signed checkpoint, with the cosignatures that came
    PRIMARY KEY (origin, size)
) WITHOUT ROWID;
CREATE UNIQUE INDEX events_id ON events (id) WHERE id IS NOT NULL;
CREATE TRIGGER events_no_update BEFORE UPDATE ON events
    BEGIN SELECT RAISE(ABORT, 'the log is append-only'); END;
CREATE TRIGGER events_no_delete BEFORE DELETE ON events
    BEGIN SELECT RAISE(ABORT, 'the log is append-only'); END;
PRAGMA user_version = 0;
