-- Identity: values and edges are written once; which profile a node belongs to is a small map that
-- merges and splits change while the facts stay where they are.

CREATE TABLE IF NOT EXISTS node_values
(
    realm LowCardinality(String),
    node UUID,
    type LowCardinality(String),
    issuer LowCardinality(String),
    value String,
    batch UInt64
)
ENGINE = ReplacingMergeTree
ORDER BY (realm, node)
SETTINGS index_granularity = 256, old_parts_lifetime = 30,
    min_bytes_for_wide_part = 67108864;

CREATE TABLE IF NOT EXISTS edges
(
    realm LowCardinality(String),
    a UUID,
    b UUID,
    a_type LowCardinality(String),
    a_issuer LowCardinality(String),
    b_type LowCardinality(String),
    b_issuer LowCardinality(String),
    first_seen DateTime64(3, 'UTC'),
    event_id String,
    verified Bool,
    batch UInt64
)
ENGINE = ReplacingMergeTree(batch)
ORDER BY (realm, a, b)
SETTINGS index_granularity = 256, old_parts_lifetime = 30,
    min_bytes_for_wide_part = 67108864;

CREATE TABLE IF NOT EXISTS edges_reversed AS edges
ENGINE = ReplacingMergeTree(batch)
ORDER BY (realm, b, a)
SETTINGS index_granularity = 256, old_parts_lifetime = 30,
    min_bytes_for_wide_part = 67108864;

CREATE MATERIALIZED VIEW IF NOT EXISTS edges_reversed_view TO edges_reversed AS
SELECT * FROM edges;

CREATE TABLE IF NOT EXISTS members
(
    realm LowCardinality(String),
    profile UUID,
    node UUID,
    type LowCardinality(String),
    kind LowCardinality(String) COMMENT 'person, anonymous or shared',
    version UInt64 COMMENT 'generation << 48 | batch'
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (realm, profile, node)
SETTINGS index_granularity = 256, old_parts_lifetime = 30,
    min_bytes_for_wide_part = 67108864;

CREATE TABLE IF NOT EXISTS map
(
    realm LowCardinality(String),
    node UUID,
    profile UUID,
    type LowCardinality(String),
    kind LowCardinality(String),
    version UInt64
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (realm, node)
SETTINGS index_granularity = 256, old_parts_lifetime = 30,
    min_bytes_for_wide_part = 67108864;

CREATE MATERIALIZED VIEW IF NOT EXISTS map_view TO map AS
SELECT realm, node, profile, type, kind, version FROM members;

CREATE TABLE IF NOT EXISTS refusals
(
    realm LowCardinality(String),
    a UUID,
    b UUID,
    reason LowCardinality(String),
    blocked_by Array(UUID),
    event_id String COMMENT 'of the refused edge; empty for a refused decision',
    is_decision Bool,
    active Bool COMMENT 'false once it no longer stands',
    version UInt64
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (realm, a, b, is_decision);

CREATE TABLE IF NOT EXISTS decisions
(
    realm LowCardinality(String),
    a UUID,
    b UUID,
    a_type LowCardinality(String),
    a_issuer LowCardinality(String),
    b_type LowCardinality(String),
    b_issuer LowCardinality(String),
    verdict LowCardinality(String),
    author String,
    reason String,
    decided_at DateTime64(3, 'UTC'),
    batch UInt64
)
ENGINE = ReplacingMergeTree(batch)
ORDER BY (realm, a, b);

CREATE TABLE IF NOT EXISTS marks
(
    realm LowCardinality(String),
    node UUID,
    batch UInt64
)
ENGINE = ReplacingMergeTree(batch)
ORDER BY (realm, node);
