-- What a refund gives back: the reference of its charge.
ALTER TABLE requests ADD COLUMN original TEXT;
CREATE INDEX requests_original ON requests (acquirer, original) WHERE original IS NOT NULL;

-- The same table with one more kind: SQLite changes no CHECK of a table that is there.
CREATE TABLE postings_with_refunds (
    id           INTEGER PRIMARY KEY,
    acquirer     TEXT NOT NULL,
    reference    TEXT NOT NULL,
    kind         TEXT NOT NULL CHECK (kind IN ('charge', 'reversal', 'refund')),
    account      TEXT NOT NULL,
    amount_minor INTEGER NOT NULL CHECK (amount_minor > 0),
    UNIQUE (acquirer, reference, kind)
) STRICT;
INSERT INTO postings_with_refunds SELECT id, acquirer, reference, kind, account, amount_minor FROM postings;
DROP TABLE postings;
ALTER TABLE postings_with_refunds RENAME TO postings;
CREATE TRIGGER postings_are_never_changed BEFORE UPDATE ON postings
    BEGIN SELECT raise(ABORT, 'postings are append-only'); END;
CREATE TRIGGER postings_are_never_removed BEFORE DELETE ON postings
    BEGIN SELECT raise(ABORT, 'postings are append-only'); END;
