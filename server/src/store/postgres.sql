CREATE TABLE accounts (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    login      text NOT NULL UNIQUE,
    password   bytea NOT NULL
);

CREATE TABLE bindings (
    account      bigint PRIMARY KEY REFERENCES accounts (id),
    record       bytea,
    helper       bytea,
    bank_account bytea NOT NULL,
    authority    bytea NOT NULL
);

CREATE TABLE payments (
    id           bytea PRIMARY KEY,
    account      bigint NOT NULL REFERENCES accounts (id),
    key          text NOT NULL,
    merchant     text NOT NULL,
    amount_minor bigint NOT NULL CHECK (amount_minor > 0),
    currency     text NOT NULL,
    reference    text NOT NULL UNIQUE,
    state        bigint NOT NULL,
    approval     text,
    decline      text,
    at_ms        bigint NOT NULL,
    UNIQUE (account, key)
);
-- Only what is open is ever listed.
CREATE INDEX payments_unresolved ON payments (at_ms) WHERE state IN (1, 2, 5);

-- Double entry, append-only: every row debits one ledger account and credits another. No merchant has a balance row:
-- a row that every charge updates would put all charges in line behind each other.
CREATE TABLE entries (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    payment      bytea NOT NULL REFERENCES payments (id),
    kind         text NOT NULL,
    debit        text NOT NULL,
    credit       text NOT NULL,
    amount_minor bigint NOT NULL CHECK (amount_minor > 0),
    UNIQUE (payment, kind)
);
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN RAISE EXCEPTION 'the ledger is append-only'; END $$;
CREATE TRIGGER entries_are_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON entries
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
