-- What erased people had objected to or withdrawn: it goes on to count for whoever has one of their
-- identifiers. Node ids only, no value, and nothing of the event that said so.

CREATE TABLE IF NOT EXISTS kept_objections
(
    realm LowCardinality(String),
    node UUID COMMENT 'an identifier of whoever said so',
    action LowCardinality(String) COMMENT 'objection, withdrawn or complained',
    purpose LowCardinality(String) COMMENT 'empty for every purpose',
    channel LowCardinality(String) COMMENT 'empty for every channel',
    address UUID COMMENT 'the address that is not to be used; zero for all of the person',
    occurred_at DateTime64(3, 'UTC') COMMENT 'when it was said last'
)
ENGINE = ReplacingMergeTree(occurred_at)
ORDER BY (realm, node, action, purpose, channel, address)
SETTINGS index_granularity = 256;
