-- What is kept of each key that something in the store depends on: enough to notice another one.
CREATE TABLE check_values (
    name  TEXT PRIMARY KEY,
    value BLOB NOT NULL
) STRICT, WITHOUT ROWID;

-- Failures that count against somebody, by a keyed hash of who: until when, in milliseconds since 1970.
CREATE TABLE limits (
    name       TEXT NOT NULL,
    key        BLOB NOT NULL,
    until_ms   INTEGER NOT NULL,
    changed_ms INTEGER NOT NULL,
    PRIMARY KEY (name, key)
) STRICT, WITHOUT ROWID;

-- What is in suspense is counted often and is little.
CREATE INDEX entries_in_suspense ON entries (payment) WHERE kind = 'suspense';

-- How many transactions the redo log has, where there is one.
CREATE TABLE redo (position INTEGER NOT NULL) STRICT;
INSERT INTO redo VALUES (0);
