-- Workers: how far each partition of the derived topics has come into the store, and how far event
-- time has come on each channel.

CREATE TABLE IF NOT EXISTS log_positions
(
    topic LowCardinality(String),
    partition UInt32,
    log String COMMENT 'id of the Kafka cluster; another log numbers its records anew',
    generation UInt16 COMMENT 'raised when offsets begin anew; part of the version of every row',
    last_offset Int64 COMMENT 'effects of records up to here may be in the store, in part or whole',
    version UInt64 COMMENT 'generation << 48 | last_offset + 1'
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (topic, partition);

CREATE TABLE IF NOT EXISTS watermarks
(
    realm LowCardinality(String),
    channel LowCardinality(String),
    occurred_at SimpleAggregateFunction(max, DateTime64(3, 'UTC'))
        COMMENT 'latest claimed time, never later than its receipt',
    received_at SimpleAggregateFunction(max, DateTime64(3, 'UTC'))
)
ENGINE = AggregatingMergeTree
ORDER BY (realm, channel);
