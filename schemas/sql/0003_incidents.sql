-- Consistency: incidents as the price books yield them. The claims themselves are facts (offers).

CREATE TABLE IF NOT EXISTS incidents
(
    realm LowCardinality(String),
    incident_id String,
    kind LowCardinality(String),
    market LowCardinality(String),
    sku String,
    state LowCardinality(String),
    since DateTime64(3, 'UTC'),
    body String COMMENT 'the incident as JSON (schemas/incident.py)',
    version UInt64
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (realm, market, sku, incident_id);

CREATE TABLE IF NOT EXISTS book_timers
(
    realm LowCardinality(String),
    market LowCardinality(String),
    sku String,
    due_at DateTime64(3, 'UTC') COMMENT 'when time alone changes the book; 1970 for never',
    version UInt64
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (realm, market, sku);
