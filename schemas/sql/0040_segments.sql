-- Segments: what defines them, and who belongs to them. The latest number of a definition counts; of
-- a membership the latest version.

CREATE TABLE IF NOT EXISTS segment_definitions
(
    realm LowCardinality(String),
    segment LowCardinality(String),
    number UInt32 COMMENT 'rises with each change of the definition',
    body String COMMENT 'the definition as JSON',
    applied_at DateTime64(3, 'UTC') COMMENT 'by the clock'
)
ENGINE = ReplacingMergeTree(applied_at)
ORDER BY (realm, segment, number);

CREATE TABLE IF NOT EXISTS memberships
(
    realm LowCardinality(String),
    segment LowCardinality(String),
    node UUID COMMENT 'profile id when it was written',
    state LowCardinality(String) COMMENT 'member, left or retracted',
    since DateTime64(3, 'UTC') COMMENT 'tick at which the state was found, in event time',
    because Array(String) COMMENT 'ids of the latest events that the conditions look at',
    definition UInt32 COMMENT 'number of the definition',
    version UInt64 COMMENT 'of a worker generation << 48 | offset; below 2^48 a time (Unix ms)'
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (realm, segment, node)
SETTINGS index_granularity = 256, old_parts_lifetime = 30, cleanup_delay_period = 10,
    max_cleanup_delay_period = 10, cleanup_delay_period_random_add = 1,
    min_bytes_for_wide_part = 67108864;
