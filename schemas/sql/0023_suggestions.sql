-- Pairs of profiles that may be one person, for people to decide. No value of a person is in here.

CREATE TABLE IF NOT EXISTS suggestions
(
    realm LowCardinality(String),
    node UUID COMMENT 'profile id of one when it was found, the smaller one',
    other_node UUID COMMENT 'of the other',
    kind LowCardinality(String) COMMENT 'match: scored; stated: an event names both, unproved',
    probability Float64 COMMENT 'that they are one person; 0 of kind stated',
    weight Float64 COMMENT 'of the pair, in powers of two; 0 of kind stated',
    fields Array(LowCardinality(String)),
    words Array(LowCardinality(String)) COMMENT 'what was found of each field',
    weights Array(Float64) COMMENT 'what each field adds',
    notes Array(LowCardinality(String)) COMMENT 'what to look at before it is accepted',
    event_ids Array(String) COMMENT 'of kind stated: events that name both',
    is_stale Bool COMMENT 'not found again by the latest run',
    created_at DateTime64(3, 'UTC'),
    refreshed_at DateTime64(3, 'UTC'),
    model LowCardinality(String) COMMENT 'version of the weights',
    version UInt64
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (realm, node, other_node);
