-- Claims stand by their subject, too: whoever judges a product reads all claims about it, and a bloom
-- filter over events reads nearly the whole table as soon as some hundred products are asked for.
-- One row per claim; events keep the array form, which says which body of them counts.

CREATE TABLE IF NOT EXISTS price_claims
(
    realm LowCardinality(String),
    sku String,
    market LowCardinality(String),
    event_id String,
    node UUID,
    ordinal UInt16,
    version UInt64,
    occurred_at DateTime64(3, 'UTC'),
    channel LowCardinality(String),
    synthetic Bool,
    order_id String,
    location LowCardinality(String),
    basis LowCardinality(String),
    price Decimal(18, 4),
    currency LowCardinality(String),
    quantity Decimal(18, 4),
    terms String,
    INDEX by_event event_id TYPE bloom_filter(0.001) GRANULARITY 4
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (realm, sku, market, event_id, node, ordinal)
SETTINGS index_granularity = 256, old_parts_lifetime = 30,
    min_bytes_for_wide_part = 67108864, min_compress_block_size = 8192;

CREATE TABLE IF NOT EXISTS statements
(
    realm LowCardinality(String),
    kind LowCardinality(String),
    subject String COMMENT 'its parts, joined by 0x1F',
    subject_type LowCardinality(String) COMMENT 'product, customer, store, case or source',
    event_id String,
    node UUID,
    ordinal UInt16,
    version UInt64,
    occurred_at DateTime64(3, 'UTC'),
    channel LowCardinality(String),
    synthetic Bool,
    order_id String,
    body String COMMENT 'JSON of the rest (schemas/claim.py)',
    INDEX by_event event_id TYPE bloom_filter(0.001) GRANULARITY 4
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (realm, kind, subject, event_id, node, ordinal)
SETTINGS index_granularity = 256, old_parts_lifetime = 30,
    min_bytes_for_wide_part = 67108864, min_compress_block_size = 8192;

CREATE MATERIALIZED VIEW IF NOT EXISTS price_claims_view TO price_claims AS
SELECT realm, sku, market, event_id, node, toUInt16(number - 1) AS ordinal, version, occurred_at,
    channel, synthetic, order_id, location, basis, price, currency, quantity, terms
FROM touchpoints
ARRAY JOIN offers.sku AS sku, offers.market AS market, offers.location AS location,
    offers.basis AS basis, offers.price AS price, offers.currency AS currency,
    offers.quantity AS quantity, offers.terms AS terms, arrayEnumerate(offers.sku) AS number;

CREATE MATERIALIZED VIEW IF NOT EXISTS statements_view TO statements AS
SELECT realm, kind, subject, subject_type, event_id, node, toUInt16(number - 1) AS ordinal, version,
    occurred_at, channel, synthetic, order_id, body
FROM touchpoints
ARRAY JOIN claims.kind AS kind, claims.subject_type AS subject_type, claims.subject AS subject,
    claims.body AS body, arrayEnumerateUniq(claims.kind) AS number;

INSERT INTO price_claims
SELECT realm, sku, market, event_id, node, toUInt16(number - 1), version, occurred_at,
    channel, synthetic, order_id, location, basis, price, currency, quantity, terms
FROM offers FINAL
ARRAY JOIN offers.sku AS sku, offers.market AS market, offers.location AS location,
    offers.basis AS basis, offers.price AS price, offers.currency AS currency,
    offers.quantity AS quantity, offers.terms AS terms, arrayEnumerate(offers.sku) AS number;

INSERT INTO statements
SELECT realm, kind, subject, subject_type, event_id, node, toUInt16(number - 1), version,
    occurred_at, channel, synthetic, order_id, body
FROM claims FINAL
ARRAY JOIN claims.kind AS kind, claims.subject_type AS subject_type, claims.subject AS subject,
    claims.body AS body, arrayEnumerateUniq(claims.kind) AS number;

ALTER TABLE offers DROP INDEX IF EXISTS by_sku;
ALTER TABLE claims DROP INDEX IF EXISTS by_subject;
