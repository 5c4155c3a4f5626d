-- Facts: one row per event in every table, keyed by the identifier that never changes (the anchor
-- node), never by time. The same event inserted again gives the same row; the highest version
-- (client revision, then body hash) counts. Children are Nested arrays, expanded at read. Parts
-- stay compact up to 64 MiB: a wide part of one batch would be a hundred files.

CREATE TABLE IF NOT EXISTS touchpoints
(
    realm LowCardinality(String),
    node UUID,
    event_id String,
    version UInt64 COMMENT 'revision << 32 | first 32 bits of the body hash',
    event_hash UInt64 COMMENT 'first 8 bytes of BLAKE2b(event_id), for look-ups by event id',
    batch UInt64 COMMENT 'ingest batch that wrote the row',
    occurred_at DateTime64(3, 'UTC') COMMENT 'by the source',
    corrected_at DateTime64(3, 'UTC') COMMENT 'occurred_at with the clock skew taken out',
    received_at DateTime64(3, 'UTC') COMMENT 'at the edge',
    channel LowCardinality(String),
    type LowCardinality(String),
    synthetic Bool,
    intake LowCardinality(String) COMMENT 'file, server or public: which way it came in',
    source_system LowCardinality(String),
    source_store LowCardinality(String),
    campaign LowCardinality(String),
    anchor_type LowCardinality(String),
    anchor_verified Bool,
    rules_version LowCardinality(String),
    secret_generation UInt8,
    `ids.type` Array(LowCardinality(String)),
    `ids.node` Array(UUID),
    `ids.verified` Array(Bool),
    order_action LowCardinality(String) COMMENT 'placed, cancelled, returned, status or empty',
    order_issuer LowCardinality(String),
    order_id String,
    return_id String,
    order_counts Bool COMMENT 'a sale, not void, training or aborted',
    order_currency LowCardinality(String),
    order_value Decimal(18, 4) COMMENT 'own product and service lines after discounts',
    `lines.sku` Array(String),
    `lines.kind` Array(LowCardinality(String)),
    `lines.category` Array(LowCardinality(String)),
    `lines.quantity` Array(Decimal(18, 4)),
    `lines.total` Array(Decimal(18, 4)),
    `consents.action` Array(LowCardinality(String)),
    `consents.purpose` Array(LowCardinality(String)),
    `consents.channel` Array(LowCardinality(String)),
    `consents.address` Array(UUID) COMMENT 'node of the address; zero for the whole person',
    `consents.basis` Array(LowCardinality(String)),
    `consents.double_opt_in` Array(Bool),
    `consents.text_version` Array(String),
    `attrs.name` Array(LowCardinality(String)),
    `attrs.value` Array(String),
    `attrs.present` Array(Bool) COMMENT 'false says: no longer so',
    `offers.sku` Array(String),
    `offers.market` Array(LowCardinality(String)),
    `offers.location` Array(LowCardinality(String)),
    `offers.basis` Array(LowCardinality(String)),
    `offers.price` Array(Decimal(18, 4)),
    `offers.currency` Array(LowCardinality(String)),
    `offers.quantity` Array(Decimal(18, 4)) COMMENT 'sold at this price; zero if only said',
    `offers.terms` Array(String) COMMENT 'JSON of the terms that differ from the usual ones',
    survey_kind LowCardinality(String),
    `answers.question` Array(LowCardinality(String)),
    `answers.score` Array(Nullable(Decimal(18, 4))),
    `answers.expected` Array(Nullable(Decimal(18, 4))),
    `answers.choice` Array(String),
    payload String CODEC(ZSTD(3)) COMMENT 'the event as it was sent'
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (realm, node, event_id)
SETTINGS index_granularity = 256, old_parts_lifetime = 30,
    min_bytes_for_wide_part = 67108864;

CREATE TABLE IF NOT EXISTS event_ids
(
    realm LowCardinality(String),
    event_hash UInt64,
    event_id String,
    node UUID,
    version UInt64,
    batch UInt64
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (realm, event_hash, event_id, node)
SETTINGS index_granularity = 256, old_parts_lifetime = 30,
    min_bytes_for_wide_part = 67108864;

CREATE MATERIALIZED VIEW IF NOT EXISTS event_ids_view TO event_ids AS
SELECT realm, event_hash, event_id, node, version, batch FROM touchpoints;

CREATE TABLE IF NOT EXISTS orders
(
    realm LowCardinality(String),
    node UUID,
    event_id String,
    version UInt64,
    occurred_at DateTime64(3, 'UTC'),
    channel LowCardinality(String),
    synthetic Bool,
    source_store LowCardinality(String),
    anchor_type LowCardinality(String),
    order_action LowCardinality(String),
    order_issuer LowCardinality(String),
    order_id String,
    return_id String,
    order_counts Bool,
    order_currency LowCardinality(String),
    order_value Decimal(18, 4),
    `lines.sku` Array(String),
    `lines.kind` Array(LowCardinality(String)),
    `lines.category` Array(LowCardinality(String)),
    `lines.quantity` Array(Decimal(18, 4)),
    `lines.total` Array(Decimal(18, 4)),
    INDEX by_order order_id TYPE bloom_filter(0.01) GRANULARITY 4
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (realm, node, event_id)
SETTINGS index_granularity = 256, old_parts_lifetime = 30,
    min_bytes_for_wide_part = 67108864;

CREATE MATERIALIZED VIEW IF NOT EXISTS orders_view TO orders AS
SELECT realm, node, event_id, version, occurred_at, channel, synthetic, source_store, anchor_type,
    order_action, order_issuer, order_id, return_id, order_counts, order_currency, order_value,
    lines.sku, lines.kind, lines.category, lines.quantity, lines.total
FROM touchpoints WHERE order_action != '';

CREATE TABLE IF NOT EXISTS consents
(
    realm LowCardinality(String),
    node UUID,
    event_id String,
    version UInt64,
    occurred_at DateTime64(3, 'UTC'),
    channel LowCardinality(String),
    synthetic Bool,
    source_system LowCardinality(String),
    `consents.action` Array(LowCardinality(String)),
    `consents.purpose` Array(LowCardinality(String)),
    `consents.channel` Array(LowCardinality(String)),
    `consents.address` Array(UUID),
    `consents.basis` Array(LowCardinality(String)),
    `consents.double_opt_in` Array(Bool),
    `consents.text_version` Array(String)
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (realm, node, event_id)
SETTINGS index_granularity = 256, old_parts_lifetime = 30,
    min_bytes_for_wide_part = 67108864;

CREATE MATERIALIZED VIEW IF NOT EXISTS consents_view TO consents AS
SELECT realm, node, event_id, version, occurred_at, channel, synthetic, source_system,
    consents.action, consents.purpose, consents.channel, consents.address, consents.basis,
    consents.double_opt_in, consents.text_version
FROM touchpoints WHERE notEmpty(consents.action);

CREATE TABLE IF NOT EXISTS observations
(
    realm LowCardinality(String),
    node UUID,
    event_id String,
    version UInt64,
    occurred_at DateTime64(3, 'UTC'),
    channel LowCardinality(String),
    synthetic Bool,
    source_system LowCardinality(String),
    anchor_verified Bool,
    `attrs.name` Array(LowCardinality(String)),
    `attrs.value` Array(String),
    `attrs.present` Array(Bool)
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (realm, node, event_id)
SETTINGS index_granularity = 256, old_parts_lifetime = 30,
    min_bytes_for_wide_part = 67108864;

CREATE MATERIALIZED VIEW IF NOT EXISTS observations_view TO observations AS
SELECT realm, node, event_id, version, occurred_at, channel, synthetic, source_system,
    anchor_verified, attrs.name, attrs.value, attrs.present
FROM touchpoints WHERE notEmpty(attrs.name);

CREATE TABLE IF NOT EXISTS offers
(
    realm LowCardinality(String),
    node UUID,
    event_id String,
    version UInt64,
    occurred_at DateTime64(3, 'UTC'),
    channel LowCardinality(String),
    synthetic Bool,
    order_id String,
    `offers.sku` Array(String),
    `offers.market` Array(LowCardinality(String)),
    `offers.location` Array(LowCardinality(String)),
    `offers.basis` Array(LowCardinality(String)),
    `offers.price` Array(Decimal(18, 4)),
    `offers.currency` Array(LowCardinality(String)),
    `offers.quantity` Array(Decimal(18, 4)),
    `offers.terms` Array(String),
    INDEX by_sku `offers.sku` TYPE bloom_filter(0.01) GRANULARITY 4
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (realm, node, event_id)
SETTINGS index_granularity = 256, old_parts_lifetime = 30,
    min_bytes_for_wide_part = 67108864;

CREATE MATERIALIZED VIEW IF NOT EXISTS offers_view TO offers AS
SELECT realm, node, event_id, version, occurred_at, channel, synthetic, order_id,
    offers.sku, offers.market, offers.location, offers.basis, offers.price, offers.currency,
    offers.quantity, offers.terms
FROM touchpoints WHERE notEmpty(offers.sku);

CREATE TABLE IF NOT EXISTS identifiers
(
    realm LowCardinality(String),
    node UUID,
    event_id String,
    version UInt64,
    occurred_at DateTime64(3, 'UTC'),
    channel LowCardinality(String),
    synthetic Bool,
    `ids.type` Array(LowCardinality(String)),
    `ids.node` Array(UUID),
    `ids.verified` Array(Bool)
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (realm, node, event_id)
SETTINGS index_granularity = 256, old_parts_lifetime = 30,
    min_bytes_for_wide_part = 67108864;

CREATE MATERIALIZED VIEW IF NOT EXISTS identifiers_view TO identifiers AS
SELECT realm, node, event_id, version, occurred_at, channel, synthetic,
    ids.type, ids.node, ids.verified
FROM touchpoints WHERE notEmpty(ids.node);

CREATE TABLE IF NOT EXISTS surveys
(
    realm LowCardinality(String),
    node UUID,
    event_id String,
    version UInt64,
    occurred_at DateTime64(3, 'UTC'),
    channel LowCardinality(String),
    synthetic Bool,
    survey_kind LowCardinality(String),
    `answers.question` Array(LowCardinality(String)),
    `answers.score` Array(Nullable(Decimal(18, 4))),
    `answers.expected` Array(Nullable(Decimal(18, 4))),
    `answers.choice` Array(String)
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (realm, node, event_id)
SETTINGS index_granularity = 256, old_parts_lifetime = 30,
    min_bytes_for_wide_part = 67108864;

CREATE MATERIALIZED VIEW IF NOT EXISTS surveys_view TO surveys AS
SELECT realm, node, event_id, version, occurred_at, channel, synthetic, survey_kind,
    answers.question, answers.score, answers.expected, answers.choice
FROM touchpoints WHERE survey_kind != '';

CREATE TABLE IF NOT EXISTS rejected
(
    reject_id UUID COMMENT 'first 16 bytes of SHA-256(reason, raw): the same line is kept once',
    reason LowCardinality(String),
    path String,
    message String,
    event_id String,
    received_at DateTime64(3, 'UTC'),
    raw_bytes UInt64 COMMENT 'size of the line as sent',
    raw String CODEC(ZSTD(3)) COMMENT 'the line; of a too large one its first 64 KiB'
)
ENGINE = ReplacingMergeTree(received_at)
ORDER BY (reason, reject_id);

CREATE TABLE IF NOT EXISTS id_conflicts
(
    realm LowCardinality(String),
    event_id String,
    version UInt64,
    node UUID,
    received_at DateTime64(3, 'UTC'),
    payload String CODEC(ZSTD(3))
)
ENGINE = ReplacingMergeTree(received_at)
ORDER BY (realm, event_id, version, node);

CREATE TABLE IF NOT EXISTS erasures
(
    realm LowCardinality(String),
    node UUID,
    erased_at DateTime64(3, 'UTC')
)
ENGINE = ReplacingMergeTree(erased_at)
ORDER BY (realm, node);

CREATE TABLE IF NOT EXISTS checkpoints
(
    name LowCardinality(String),
    batch UInt64 COMMENT 'every batch up to this one is processed to the end',
    written_at DateTime64(3, 'UTC')
)
ENGINE = ReplacingMergeTree(batch)
ORDER BY name;

CREATE TABLE IF NOT EXISTS properties
(
    name String,
    value String,
    version UInt64
)
ENGINE = ReplacingMergeTree(version)
ORDER BY name;
