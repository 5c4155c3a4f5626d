-- Erasures on a server: each is ordered by a record on c360.edges, and waits until everything that was
-- under way has landed. Node ids only, no value.

CREATE TABLE IF NOT EXISTS erasure_orders
(
    realm LowCardinality(String),
    erasure_id String,
    nodes Array(UUID) COMMENT 'what is to be erased',
    erased_at DateTime64(3, 'UTC') COMMENT 'when it was ordered',
    step UInt8 COMMENT '1 nothing of them is taken any more, 2 incidents pause, 3 all rows are removed'
)
ENGINE = ReplacingMergeTree(step)
ORDER BY (realm, erasure_id);

CREATE TABLE IF NOT EXISTS erasure_pauses
(
    erasure_id String,
    partition UInt32 COMMENT 'of c360.offers: nobody writes its incidents before the erasure is complete'
)
ENGINE = ReplacingMergeTree
ORDER BY (erasure_id, partition);
