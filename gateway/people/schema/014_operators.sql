-- Version 14. Operators whom an administrator added at the console (gateway/people/keptoperators.py).
-- Those of garita.toml are not here. `roles` and `areas` are lists of names in JSON; no area: all of
-- them. A row that was ended stays, so that its name never means another person.

CREATE TABLE IF NOT EXISTS operator (
   name TEXT PRIMARY KEY NOT NULL,
   person_id TEXT NOT NULL,
   roles TEXT NOT NULL,
   areas TEXT NOT NULL,
   origin TEXT NOT NULL,
   set_at TEXT NOT NULL,
   by TEXT NOT NULL,
   ended_at TEXT NOT NULL DEFAULT ''
);
