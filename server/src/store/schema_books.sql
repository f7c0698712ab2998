-- How much of a charge is given back or about to be, the settlement file that it stands in, and the merchant's order.
ALTER TABLE payments ADD COLUMN refunded_minor INTEGER NOT NULL DEFAULT 0;
ALTER TABLE payments ADD COLUMN batch INTEGER;
ALTER TABLE payments ADD COLUMN order_id TEXT;
-- An order is paid once. A payment that was voided or reversed leaves it free.
CREATE UNIQUE INDEX payments_orders ON payments (merchant, order_id) WHERE order_id IS NOT NULL AND state IN (1, 2, 3, 5);

CREATE TABLE refunds (
    reference    TEXT PRIMARY KEY,
    payment      BLOB NOT NULL REFERENCES payments (id),
    key          TEXT NOT NULL,
    amount_minor INTEGER NOT NULL CHECK (amount_minor > 0),
    state        INTEGER NOT NULL,
    approval     TEXT,
    decline      TEXT,
    at_ms        INTEGER NOT NULL,
    batch        INTEGER,
    UNIQUE (payment, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX refunds_unresolved ON refunds (at_ms) WHERE state IN (1, 2);
