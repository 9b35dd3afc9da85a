-- Version 7. Companies are compared by the key of their name (name_key of gateway/locale/text.py, which
-- these statements call): without case, accents, points and commas.  A requirement of a company counts
-- for every spelling; of a person, the key is the id.  Of two spellings of one company the act recorded
-- last stays, as if the key had always been there.

CREATE TABLE requirement_by_key (
   subject_kind TEXT NOT NULL,
   key TEXT NOT NULL,
   kind TEXT NOT NULL,
   subject TEXT NOT NULL,
   valid_until TEXT,
   number TEXT,
   issued_at TEXT,
   note TEXT,
   set_at TEXT NOT NULL,
   by TEXT,
   PRIMARY KEY (subject_kind, key, kind)
) WITHOUT ROWID;

INSERT OR IGNORE INTO requirement_by_key
   SELECT subject_kind, CASE subject_kind WHEN 'company' THEN name_key(subject) ELSE subject END, kind,
          subject, valid_until, number, issued_at, note, set_at, by
     FROM requirement ORDER BY set_at DESC, coalesce(valid_until, '9999'), subject;

DROP TRIGGER person_gone;

DROP TABLE requirement;

ALTER TABLE requirement_by_key RENAME TO requirement;

CREATE INDEX requirement_due ON requirement (valid_until);

CREATE TRIGGER person_gone AFTER DELETE ON person BEGIN
   DELETE FROM requirement WHERE subject_kind = 'person' AND key = OLD.id;
   DELETE FROM temporary_grant WHERE person_id = OLD.id;
   DELETE FROM escort WHERE person_id = OLD.id;
END;

-- Two partners whose names have one key now: the stricter one is found by the name (suspended, or with
-- the earlier last day).  The other stays in the register, with its history, under a key that no name
-- has.  The line feed at the end keeps old and new keys apart while they change.

CREATE TEMP TABLE partner_key AS
   SELECT key AS was, name_key(name) || CASE row_number() OVER (
             PARTITION BY name_key(name) ORDER BY status = 'active', valid_until, key)
             WHEN 1 THEN '' ELSE char(10) || key END AS new
     FROM partner;

UPDATE partner_history
   SET key = (SELECT new FROM partner_key WHERE was = key) || char(10)
 WHERE key IN (SELECT was FROM partner_key);

UPDATE partner SET key = (SELECT new FROM partner_key WHERE was = key) || char(10);

UPDATE partner SET key = substr(key, 1, length(key) - 1);

UPDATE partner_history SET key = substr(key, 1, length(key) - 1) WHERE substr(key, -1) = char(10);

DROP TABLE partner_key;

UPDATE OR IGNORE regular_visitor SET key = name_key(name) || char(10) || name_key(company);

UPDATE freight SET words = name_key(words);
