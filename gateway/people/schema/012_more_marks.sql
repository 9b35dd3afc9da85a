-- Version 12. Requirements, badges of visitors, PINs, face keys and templates have marks in the log too
-- (gateway/people/marks.py): the program writes the marks of what is there. The gateway forgets badges
-- that were given back long ago (gateway/daemon/jobs.py), and finds them by the index.

CREATE INDEX IF NOT EXISTS released_badge_at ON released_badge (at);
