-- Erasures of people: which were begun and how far each is, so that one that was interrupted is
-- completed, and what a receipt says can be verified. Node ids only, no value.

CREATE TABLE IF NOT EXISTS erasure_runs
(
    realm LowCardinality(String),
    erasure_id String,
    nodes Array(UUID) COMMENT 'what was erased',
    touched Array(UUID) COMMENT 'what had an edge to it, and stays',
    marked Array(UUID) COMMENT 'those of them that stay shared for good',
    erased_at DateTime64(3, 'UTC'),
    stage UInt8 COMMENT '1 begun, 2 all rows are removed',
    counts String COMMENT 'rows removed by table, as JSON'
)
ENGINE = ReplacingMergeTree(stage)
ORDER BY (realm, erasure_id);
