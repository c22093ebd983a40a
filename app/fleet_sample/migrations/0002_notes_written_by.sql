-- With a default: the release before this one goes on writing notes while the migration is done.
ALTER TABLE notes ADD COLUMN written_by TEXT NOT NULL DEFAULT '';
CREATE INDEX notes_by_writer ON notes (written_by, id);
