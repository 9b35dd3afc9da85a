CREATE TABLE events (
    seq  INTEGER PRIMARY KEY,
    id   TEXT,             -- only for events that could be handed in twice
    body TEXT NOT NULL,
    hash BLOB NOT NULL
);
INSERT INTO "events" VALUES (1,NULL,'{"data":{"chain":"38e1d602989387c5"},"id":"38e1d602989387c5-1","subject":"gate","time":"2026-11-27T11:31:01.152Z","type":"ledger.created"}',X'3D9369A7A5AE56E1AC3BBFD79B8E7AB6E4AAE0564EFCE5AFC0FFBD7451507C14');
INSERT INTO "events" VALUES (2,NULL,'{"data":{"door":"gate","n":0,"reason":"granted"},"id":"38e1d602989387c5-2","subject":"gate","time":"2026-11-20T08:00:00.000Z","type":"access.granted"}',X'A0398176C5CE7C484391EBB06F49A602DB9E12D3F3336BD8087227B8BA4AE412');
INSERT INTO "events" VALUES (3,NULL,'{"data":{"door":"gate","n":1,"reason":"granted"},"id":"38e1d602989387c5-3","subject":"gate","time":"2026-11-20T08:01:00.000Z","type":"access.granted"}',X'04927A3B7D86C114CACD6237E10CE7EB64E2B26A552922D5D5089A32B0BEDA00');
INSERT INTO "events" VALUES (4,NULL,'{"data":{"door":"gate","n":2,"reason":"granted"},"id":"38e1d602989387c5-4","subject":"gate","time":"2026-11-20T08:02:00.000Z","type":"access.granted"}',X'6A9FC3C5632C50E91667739BDF5765348BEB519ED929CB2030F0DC816A1E8DF1');
INSERT INTO "events" VALUES (5,NULL,'{"data":{"door":"gate","n":3,"reason":"granted"},"id":"38e1d602989387c5-5","subject":"gate","time":"2026-11-20T08:03:00.000Z","type":"access.granted"}',X'20515B9C32BAD49CB605E39B1E6D316448467BE5A3A5E8C91D319BECA95FE312');
INSERT INTO "events" VALUES (6,NULL,'{"data":{"door":"gate","n":4,"reason":"granted"},"id":"38e1d602989387c5-6","subject":"gate","time":"2026-11-20T08:04:00.000Z","type":"access.granted"}',X'D64D6C276B72954C76C7F6D079FA0E72671597509633BDC23633E56BA73C91CA');
CREATE TABLE clock_marks (
    one  INTEGER PRIMARY KEY CHECK (one = 1),
    seq  INTEGER NOT NULL,  -- the newest record that is taken in
    high TEXT NOT NULL,
    sure TEXT NOT NULL      -- empty: the clock was never beyond doubt
);
INSERT INTO "clock_marks" VALUES (1,6,'2026-11-27T11:31:01.152Z','');
CREATE TABLE origins (
    first INTEGER PRIMARY KEY,  -- the number of the origin's first record
    chain TEXT NOT NULL,        -- its name, as in the ids of its records
    known_chain TEXT NOT NULL,  -- the record that somebody knew and the log did not hold:
    known_seq INTEGER NOT NULL  -- whoever knows it, or one before it, tells nothing new
);
INSERT INTO "origins" VALUES (1,'38e1d602989387c5','',0);
CREATE TABLE tiles (
    origin INTEGER NOT NULL,   -- the number of the origin's first record
    level  INTEGER NOT NULL,
    idx    INTEGER NOT NULL,
    hashes BLOB NOT NULL,      -- 256 hashes, 8,192 bytes; empty: its records are in an archive
    root   BLOB NOT NULL,
    PRIMARY KEY (origin, level, idx)
) WITHOUT ROWID;
CREATE TABLE checkpoints (
    origin INTEGER NOT NULL,
    size   INTEGER NOT NULL,   -- of the tree
    note   TEXT NOT NULL,      -- the signed checkpoint, with the cosignatures that came
    PRIMARY KEY (origin, size)
) WITHOUT ROWID;
CREATE TABLE archives (
    last    INTEGER PRIMARY KEY,   -- the number of its last record
    first   INTEGER NOT NULL,
    origin  INTEGER NOT NULL,      -- the number of the origin's first record
    file    TEXT NOT NULL,         -- its name in the folder `archive`
    hash    BLOB NOT NULL,         -- of the last record
    roots   BLOB NOT NULL,         -- of the complete subtrees over the origin up to `last`
    time    TEXT NOT NULL,         -- the latest on record in it
    types   TEXT NOT NULL,         -- JSON: how many records of each type
    bytes   INTEGER NOT NULL,      -- of the file
    deleted INTEGER NOT NULL       -- 1: its time was over, and the file was deleted
);
CREATE TABLE archived_ids (
    id  TEXT PRIMARY KEY,          -- an id that could be handed in again
    seq INTEGER NOT NULL
) WITHOUT ROWID;
CREATE UNIQUE INDEX events_id ON events (id) WHERE id IS NOT NULL;
CREATE TRIGGER events_no_update BEFORE UPDATE ON events
    BEGIN SELECT RAISE(ABORT, 'the log is append-only'); END;
CREATE TRIGGER events_no_delete BEFORE DELETE ON events
    WHEN OLD.seq > (SELECT coalesce(max(last), 0) FROM archives)
    BEGIN SELECT RAISE(ABORT, 'the log is append-only'); END;
PRAGMA user_version = 0;
