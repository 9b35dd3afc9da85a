-- Version 10. The secret under which records in the log hold marks of rows (gateway/people/marks.py).
-- Columns that a later version adds must be empty (NULL, '' or 0) in the rows that are there: an empty
-- column is no part of a mark.

CREATE TABLE IF NOT EXISTS mark_key (
   id INTEGER PRIMARY KEY CHECK (id = 1),
   key BLOB NOT NULL
);

INSERT OR IGNORE INTO mark_key (id, key) VALUES (1, randomblob(32));
