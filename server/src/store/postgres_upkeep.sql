-- What is kept of each key that something in the store depends on: enough to notice another one.
CREATE TABLE check_values (
    name  text PRIMARY KEY,
    value bytea NOT NULL
);

-- Failures that count against somebody, by a keyed hash of who: until when, in milliseconds since 1970.
CREATE TABLE limits (
    name       text NOT NULL,
    key        bytea NOT NULL,
    until_ms   bigint NOT NULL,
    changed_ms bigint NOT NULL,
    PRIMARY KEY (name, key)
);
CREATE INDEX limits_changed ON limits (changed_ms);

-- What is in suspense is counted often and is little.
CREATE INDEX entries_in_suspense ON entries (payment) WHERE kind = 'suspense';
