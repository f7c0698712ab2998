CREATE TABLE accounts (
    number        TEXT PRIMARY KEY,
    pin_mac       BLOB NOT NULL,
    opened_minor  INTEGER NOT NULL CHECK (opened_minor >= 0),
    balance_minor INTEGER NOT NULL CHECK (balance_minor >= 0)
) STRICT, WITHOUT ROWID;

CREATE TABLE mandates (
    token_hash BLOB PRIMARY KEY,
    account    TEXT NOT NULL REFERENCES accounts (number)
) STRICT, WITHOUT ROWID;

-- What was answered to each reference, so that the same request gets the same answer. A reversal that arrives before
-- its charge leaves a row that refuses the charge.
CREATE TABLE requests (
    acquirer     TEXT NOT NULL,
    reference    TEXT NOT NULL,
    account      TEXT,
    amount_minor INTEGER,
    code         TEXT NOT NULL,
    approval     TEXT,
    reversed     INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (acquirer, reference)
) STRICT, WITHOUT ROWID;

-- Append-only. A charge moves money from an account to its acquirer, a reversal moves it back.
CREATE TABLE postings (
    id           INTEGER PRIMARY KEY,
    acquirer     TEXT NOT NULL,
    reference    TEXT NOT NULL,
    kind         TEXT NOT NULL CHECK (kind IN ('charge', 'reversal')),
    account      TEXT NOT NULL,
    amount_minor INTEGER NOT NULL CHECK (amount_minor > 0),
    UNIQUE (acquirer, reference, kind)
) STRICT;
CREATE TRIGGER postings_are_never_changed BEFORE UPDATE ON postings
    BEGIN SELECT raise(ABORT, 'postings are append-only'); END;
CREATE TRIGGER postings_are_never_removed BEFORE DELETE ON postings
    BEGIN SELECT raise(ABORT, 'postings are append-only'); END;
