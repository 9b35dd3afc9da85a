CREATE TABLE credential (
    operator TEXT PRIMARY KEY,
    password TEXT NOT NULL DEFAULT '',
    totp BLOB NOT NULL DEFAULT x'',
    totp_step INTEGER NOT NULL DEFAULT 0,
    language TEXT NOT NULL DEFAULT '',
    theme TEXT NOT NULL DEFAULT ''
) STRICT;
INSERT INTO "credential" VALUES ('rosa','$argon2id$x',X'01',5,'es','dark');
CREATE TABLE passkey (
    id TEXT PRIMARY KEY,
    operator TEXT NOT NULL,
    public_key BLOB NOT NULL,
    sign_count INTEGER NOT NULL,
    label TEXT NOT NULL,
    added REAL NOT NULL,
    used REAL NOT NULL
) STRICT;
CREATE TABLE code (
    operator TEXT PRIMARY KEY,
    digest TEXT NOT NULL,
    ends REAL NOT NULL
) STRICT;
CREATE TABLE session (
    token TEXT PRIMARY KEY,
    operator TEXT NOT NULL,
    csrf TEXT NOT NULL,
    began REAL NOT NULL,
    seen REAL NOT NULL,
    how TEXT NOT NULL,
    stage TEXT NOT NULL,
    roles TEXT NOT NULL,
    stepped REAL NOT NULL DEFAULT 0,
    challenge TEXT NOT NULL DEFAULT '',
    browser TEXT NOT NULL DEFAULT '',
    address TEXT NOT NULL DEFAULT '',
    device TEXT NOT NULL DEFAULT ''
) STRICT;
CREATE TABLE known (
    token TEXT NOT NULL,
    operator TEXT NOT NULL,
    since REAL NOT NULL,
    PRIMARY KEY (token, operator)
) STRICT;
CREATE TABLE screen (
    token TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    by TEXT NOT NULL,
    since REAL NOT NULL
) STRICT;
CREATE TABLE note (
    id TEXT PRIMARY KEY,
    type TEXT NOT NULL,
    subject TEXT NOT NULL,
    data TEXT NOT NULL
) STRICT;
INSERT INTO "note" VALUES ('n1','console.signed_in','rosa','{}');
CREATE INDEX session_operator ON session (operator);
PRAGMA user_version = 0;
