-- Segments that follow events: what changed, when time alone changes something, and whom to look at.

ALTER TABLE memberships ADD COLUMN IF NOT EXISTS
    sequence UInt32 DEFAULT 0 COMMENT 'of the change that made this state';

CREATE TABLE IF NOT EXISTS segment_changes
(
    realm LowCardinality(String),
    segment LowCardinality(String),
    node UUID COMMENT 'profile id',
    sequence UInt32 COMMENT 'counts the changes of a profile and segment',
    change LowCardinality(String) COMMENT 'entered, left or retracted',
    reason LowCardinality(String),
    at DateTime64(3, 'UTC') COMMENT 'since when it is so, in event time',
    tick DateTime64(3, 'UTC') COMMENT 'at which it was found',
    late Bool COMMENT 'it was so at an earlier tick already',
    because Array(String) COMMENT 'ids of the latest events that the conditions look at',
    supersedes UInt32 COMMENT 'sequence of the change that is taken back; 0 for none',
    into_node UUID COMMENT 'the profile that holds this one now; 0 for none',
    definition UInt32 COMMENT 'number of the definition',
    version UInt64 COMMENT 'number of the batch'
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (realm, segment, node, sequence)
SETTINGS index_granularity = 256, old_parts_lifetime = 30, cleanup_delay_period = 10,
    max_cleanup_delay_period = 10, cleanup_delay_period_random_add = 1,
    min_bytes_for_wide_part = 67108864;

CREATE TABLE IF NOT EXISTS segment_timers
(
    realm LowCardinality(String),
    segment LowCardinality(String),
    node UUID COMMENT 'profile id',
    due_at DateTime64(3, 'UTC') COMMENT 'when time alone may change something; 1970 for never',
    version UInt64 COMMENT 'generation << 48 | number of the batch'
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (realm, segment, node)
SETTINGS index_granularity = 256, old_parts_lifetime = 30, cleanup_delay_period = 10,
    max_cleanup_delay_period = 10, cleanup_delay_period_random_add = 1,
    min_bytes_for_wide_part = 67108864;

CREATE TABLE IF NOT EXISTS segment_marks
(
    realm LowCardinality(String),
    node UUID COMMENT 'identifier whose profile is looked at by the next tick; 0 for everybody',
    cause UInt8 COMMENT '1 event, 2 identity, 3 definition',
    version UInt64 COMMENT 'number of the batch; one up to that of the last tick is done'
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (realm, node)
SETTINGS index_granularity = 256, old_parts_lifetime = 30, cleanup_delay_period = 10,
    max_cleanup_delay_period = 10, cleanup_delay_period_random_add = 1,
    min_bytes_for_wide_part = 67108864;

CREATE TABLE IF NOT EXISTS segment_ticks
(
    realm LowCardinality(String),
    tick DateTime64(3, 'UTC') COMMENT 'up to which memberships are right, in event time',
    version UInt64 COMMENT 'number of the batch'
)
ENGINE = ReplacingMergeTree(version)
ORDER BY realm;
