-- A cancelled order takes back what its lines claimed. It names a number and no products, so which orders
-- were cancelled stands by number, and whose claims that concerns by subject. Both only say where
-- to look: what is taken back follows from the facts, whenever claims are read.

CREATE TABLE IF NOT EXISTS cancelled_orders
(
    realm LowCardinality(String),
    order_id String COMMENT 'the number that it cancels, or what a receipt that it undoes contains',
    order_issuer LowCardinality(String),
    by_issuer LowCardinality(String) COMMENT 'with by_number: how the cancellation stands in orders',
    by_number String,
    node UUID COMMENT 'anchor of the cancellation',
    event_id String COMMENT 'of the cancellation',
    INDEX by_event event_id TYPE bloom_filter(0.001) GRANULARITY 4
)
ENGINE = ReplacingMergeTree
ORDER BY (realm, order_id, order_issuer, by_number, by_issuer, node, event_id)
SETTINGS index_granularity = 256, old_parts_lifetime = 30,
    min_bytes_for_wide_part = 67108864, min_compress_block_size = 8192;

CREATE TABLE IF NOT EXISTS cancelled_claims
(
    realm LowCardinality(String),
    kind LowCardinality(String),
    subject String COMMENT 'its parts, joined by 0x1F',
    subject_type LowCardinality(String) COMMENT 'product, customer, store, case or source',
    node UUID COMMENT 'anchor of the order',
    event_id String COMMENT 'of the order',
    by_issuer LowCardinality(String) COMMENT 'with by_number: how the cancellation stands in orders',
    by_number String,
    INDEX by_cancellation by_number TYPE bloom_filter(0.001) GRANULARITY 4
)
ENGINE = ReplacingMergeTree
ORDER BY (realm, kind, subject, node, event_id, by_issuer, by_number)
SETTINGS index_granularity = 256, old_parts_lifetime = 30,
    min_bytes_for_wide_part = 67108864, min_compress_block_size = 8192;

INSERT INTO cancelled_orders
SELECT realm, order_id, order_issuer, order_issuer, order_id, node, event_id FROM orders FINAL
WHERE order_id != '' AND NOT synthetic
    AND (order_action = 'cancelled' OR order_action = 'placed' AND NOT order_counts);

INSERT INTO cancelled_claims
SELECT realm, 'price_mismatch', concat(market, '\x1f', sku), 'product', node, event_id, order_issuer,
    number
FROM price_claims
INNER JOIN
(
    SELECT realm, node, event_id, order_issuer, order_id AS number FROM orders
    WHERE order_action = 'placed' AND (realm, order_id, order_issuer)
        IN (SELECT realm, order_id, order_issuer FROM cancelled_orders)
) AS reports USING (realm, node, event_id)
WHERE basis = 'charged';

INSERT INTO cancelled_claims
SELECT realm, kind, subject, subject_type, node, event_id, order_issuer, number
FROM statements
INNER JOIN
(
    SELECT realm, node, event_id, order_issuer, order_id AS number FROM orders
    WHERE order_action = 'placed' AND (realm, order_id, order_issuer)
        IN (SELECT realm, order_id, order_issuer FROM cancelled_orders)
) AS reports USING (realm, node, event_id)
WHERE kind = 'charged_above_shown';

INSERT INTO timers
SELECT realm, kind, subject_type, subject, toDateTime64('1970-01-01 00:00:01', 3, 'UTC'),
    max(version)
FROM timers
WHERE (realm, kind, subject) IN (SELECT realm, kind, subject FROM cancelled_claims)
GROUP BY realm, kind, subject_type, subject;
