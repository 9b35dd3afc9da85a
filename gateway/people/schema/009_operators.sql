-- Version 9. Whose accounts let a visitor in and out, and who was the second person: accounts, and
-- ids of the list.

ALTER TABLE visit ADD COLUMN arrived_person TEXT NOT NULL DEFAULT '';

ALTER TABLE visit ADD COLUMN departed_person TEXT NOT NULL DEFAULT '';

ALTER TABLE visit ADD COLUMN released_account TEXT NOT NULL DEFAULT '';

ALTER TABLE visit ADD COLUMN released_person TEXT NOT NULL DEFAULT '';

ALTER TABLE visit ADD COLUMN held_by TEXT NOT NULL DEFAULT '';

ALTER TABLE visit ADD COLUMN held_person TEXT NOT NULL DEFAULT '';
