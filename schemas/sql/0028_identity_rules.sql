-- Identity rules: which ones made the map of a realm, since when, and how far a change of them is.

CREATE TABLE IF NOT EXISTS identity_rules
(
    realm LowCardinality(String),
    since UInt64 COMMENT 'generation << 48 | batch from which on they count; 0 for the first ones',
    rules_version String COMMENT 'as the rules call themselves',
    sha256 String COMMENT 'of the text',
    text String CODEC(ZSTD(3)) COMMENT 'the whole rules file',
    author String,
    reason String,
    decided_at DateTime64(3, 'UTC'),
    parts UInt64 COMMENT 'how many parts of the map follow from them',
    identifiers UInt64 COMMENT 'and how many identifiers those have',
    place UUID COMMENT 'the last node of those parts',
    is_done Bool COMMENT 'whether the whole map follows from them',
    progress UInt64 COMMENT 'of two rows of a change the larger one counts'
)
ENGINE = ReplacingMergeTree(progress)
ORDER BY (realm, since);
