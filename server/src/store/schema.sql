CREATE TABLE accounts (
    id         INTEGER PRIMARY KEY,
    login      TEXT NOT NULL UNIQUE,
    password   BLOB NOT NULL
) STRICT;

CREATE TABLE bindings (
    account      INTEGER PRIMARY KEY REFERENCES accounts (id),
    record       BLOB,
    helper       BLOB,
    bank_account BLOB NOT NULL,
    authority    BLOB NOT NULL
) STRICT;

CREATE TABLE payments (
    id           BLOB PRIMARY KEY,
    account      INTEGER NOT NULL REFERENCES accounts (id),
    key          TEXT NOT NULL,
    merchant     TEXT NOT NULL,
    amount_minor INTEGER NOT NULL CHECK (amount_minor > 0),
    currency     TEXT NOT NULL,
    reference    TEXT NOT NULL UNIQUE,
    state        INTEGER NOT NULL,
    approval     TEXT,
    decline      TEXT,
    at_ms        INTEGER NOT NULL,
    UNIQUE (account, key)
) STRICT, WITHOUT ROWID;
-- Only what is open is ever listed.
CREATE INDEX payments_unresolved ON payments (at_ms) WHERE state IN (1, 2, 5);

-- Double entry, append-only: every row debits one ledger account and credits another.
CREATE TABLE entries (
    id           INTEGER PRIMARY KEY,
    payment      BLOB NOT NULL REFERENCES payments (id),
    kind         TEXT NOT NULL,
    debit        TEXT NOT NULL,
    credit       TEXT NOT NULL,
    amount_minor INTEGER NOT NULL CHECK (amount_minor > 0),
    UNIQUE (payment, kind)
) STRICT;
CREATE TRIGGER entries_are_never_changed BEFORE UPDATE ON entries
    BEGIN SELECT raise(ABORT, 'the ledger is append-only'); END;
CREATE TRIGGER entries_are_never_removed BEFORE DELETE ON entries
    BEGIN SELECT raise(ABORT, 'the ledger is append-only'); END;
