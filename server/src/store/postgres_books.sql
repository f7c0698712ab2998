-- How much of a charge is given back or about to be, the settlement file that it stands in, and the merchant's order.
ALTER TABLE payments ADD COLUMN refunded_minor bigint NOT NULL DEFAULT 0;
ALTER TABLE payments ADD COLUMN batch bigint;
ALTER TABLE payments ADD COLUMN order_id text;
-- An order is paid once. A payment that was voided or reversed leaves it free.
CREATE UNIQUE INDEX payments_orders ON payments (merchant, order_id) WHERE order_id IS NOT NULL AND state IN (1, 2, 3, 5);

CREATE TABLE refunds (
    reference    text PRIMARY KEY,
    payment      bytea NOT NULL REFERENCES payments (id),
    key          text NOT NULL,
    amount_minor bigint NOT NULL CHECK (amount_minor > 0),
    state        bigint NOT NULL,
    approval     text,
    decline      text,
    at_ms        bigint NOT NULL,
    batch        bigint,
    UNIQUE (payment, key)
);
CREATE INDEX refunds_unresolved ON refunds (at_ms) WHERE state IN (1, 2);
