-- The ledger of the retention of events: what is older is rejected, so that a replay brings nothing
-- back. A removal that was interrupted is completed from the tables below it, which are empty
-- between removals.

CREATE TABLE IF NOT EXISTS event_cutoffs
(
    realm LowCardinality(String),
    type LowCardinality(String),
    before DateTime64(3, 'UTC') COMMENT 'events of the type that happened before are not kept',
    stage UInt8 COMMENT '1 noted, 2 events listed, 3 edges renewed, 4 all is removed',
    version UInt64 COMMENT 'before in milliseconds << 3 | stage, so that a cut-off only grows'
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (realm, type);

CREATE TABLE IF NOT EXISTS expired_events
(
    realm LowCardinality(String),
    node UUID,
    event_id String,
    named Array(UUID) COMMENT 'the identifiers that it names'
)
ENGINE = ReplacingMergeTree
ORDER BY (realm, node, event_id);

CREATE TABLE IF NOT EXISTS unlinked_nodes
(
    realm LowCardinality(String),
    node UUID,
    alone Bool COMMENT 'no edge holds it on the map any more'
)
ENGINE = ReplacingMergeTree(alone)
ORDER BY (realm, node);

CREATE TABLE IF NOT EXISTS unnamed_nodes
(
    realm LowCardinality(String),
    node UUID
)
ENGINE = ReplacingMergeTree
ORDER BY (realm, node);
