-- Who must not be processed at all: events that name one of these nodes are rejected. Node ids only; every
-- step stays, and of each node the latest counts.

CREATE TABLE IF NOT EXISTS suppressions
(
    realm LowCardinality(String),
    node UUID,
    decided_at DateTime64(3, 'UTC'),
    lifted Bool COMMENT 'whether it ends with this step',
    suppression_id String COMMENT 'the same for all nodes of one person',
    author String,
    reason String
)
ENGINE = ReplacingMergeTree
ORDER BY (realm, node, decided_at, lifted)
SETTINGS index_granularity = 256;
