-- Version 16. Badges that were reported lost (gateway/people/lostbadges.py). Such a badge is nobody's, though
-- the list names its holder, until somebody says that it was found, or the list gives it to another person.

CREATE TABLE IF NOT EXISTS lost_badge (
   id INTEGER PRIMARY KEY NOT NULL,
   key TEXT NOT NULL,
   person_id TEXT NOT NULL,
   at TEXT NOT NULL,
   why TEXT NOT NULL,
   by TEXT NOT NULL,
   UNIQUE (key, person_id)
);
