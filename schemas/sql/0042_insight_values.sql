-- What measures were when they were computed, by the map of then: a later merge or split changes none of it.

CREATE TABLE IF NOT EXISTS insight_values
(
    realm LowCardinality(String),
    measure LowCardinality(String),
    computed_at DateTime64(3, 'UTC') COMMENT 'by the clock',
    definition LowCardinality(String) COMMENT 'name and version, as nps/1',
    map_version UInt64 COMMENT 'highest version of the map that it was computed from, or a later one',
    result String CODEC(ZSTD(3)) COMMENT 'the whole result as JSON, too small groups suppressed'
)
ENGINE = ReplacingMergeTree
ORDER BY (realm, measure, computed_at)
SETTINGS index_granularity = 256, min_bytes_for_wide_part = 67108864;
