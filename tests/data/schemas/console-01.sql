CREATE TABLE credential (
    operator TEXT PRIMARY KEY,
    password TEXT NOT NULL DEFAULT '',
    language TEXT NOT NULL DEFAULT '',
    theme TEXT NOT NULL DEFAULT ''
) STRICT;
INSERT INTO "credential" VALUES ('rosa','$argon2id$x','es','dark');
CREATE TABLE session (
    token TEXT PRIMARY KEY,
    operator TEXT NOT NULL,
    csrf TEXT NOT NULL,
    began REAL NOT NULL,
    seen REAL NOT NULL
) STRICT;
INSERT INTO "session" VALUES ('t','rosa','c',1.0,2.0);
PRAGMA user_version = 0;
