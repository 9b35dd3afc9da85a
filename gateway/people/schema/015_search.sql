-- Version 15. An index of the words in ids, names and companies, so that a person is found at once among
-- 250,000 (gateway/people/search.py). It holds no text of its own: FTS5 reads the person's row. Words are
-- without case and accents, and their beginnings of one to three letters are indexed too. What puts a list
-- in force keeps it (gateway/people/sync/apply.py): triggers, row by row, take five times as long.

CREATE VIRTUAL TABLE IF NOT EXISTS person_search USING fts5(
   id, name, company, content='person', prefix='1 2 3', tokenize="unicode61 remove_diacritics 2"
);

INSERT INTO person_search(person_search) VALUES('rebuild');
