-- Version 8. Every loss of access with its times: by a list, by a revocation or another act at the gate.
-- It takes the place of revocation_delay, which held only those whose time the source had said.  Run once
-- more, this file changes nothing.

CREATE TABLE IF NOT EXISTS access_loss (
   id INTEGER PRIMARY KEY NOT NULL,
   subject TEXT NOT NULL,
   how TEXT NOT NULL,
   detail TEXT NOT NULL,
   revoked_at TEXT NOT NULL,
   known_by TEXT NOT NULL,
   effective_at TEXT NOT NULL,
   seconds REAL NOT NULL,
   version INTEGER,
   by TEXT NOT NULL,
   why TEXT NOT NULL
);

CREATE INDEX IF NOT EXISTS access_loss_subject ON access_loss (subject, id);

CREATE INDEX IF NOT EXISTS access_loss_effective ON access_loss (effective_at);

CREATE TABLE IF NOT EXISTS revocation_delay (
   person_id TEXT NOT NULL,
   version INTEGER NOT NULL,
   revoked_at TEXT NOT NULL,
   effective_at TEXT NOT NULL,
   seconds REAL NOT NULL,
   PRIMARY KEY (person_id, version)
);

INSERT INTO access_loss (subject, how, detail, revoked_at, known_by, effective_at, seconds, version, by, why)
SELECT d.person_id, CASE WHEN p.id IS NULL THEN 'left_list' ELSE 'shut_off' END, '', d.revoked_at,
       'source', d.effective_at, d.seconds, d.version, coalesce(v.by, ''), coalesce(v.source, '')
  FROM revocation_delay d LEFT JOIN person p ON p.id = d.person_id
  LEFT JOIN list_version v ON v.number = d.version ORDER BY d.effective_at;

INSERT INTO access_loss (subject, how, detail, revoked_at, known_by, effective_at, seconds, version, by, why)
SELECT r.person_id, 'revoked_here', '', r.at, 'act', r.at, 0, NULL, coalesce(r.by, ''), coalesce(r.why, '')
  FROM revocation r WHERE NOT EXISTS (
       SELECT 1 FROM access_loss a WHERE a.subject = r.person_id AND a.how = 'revoked_here');

DROP TABLE revocation_delay;
