-- What people did with incidents: who, what, why and when. The audit trail is only ever added to; the
-- same action that arrives again is the same row.

CREATE TABLE IF NOT EXISTS incident_actions
(
    realm LowCardinality(String),
    kind LowCardinality(String),
    subject_type LowCardinality(String) COMMENT 'product, customer, store, case or source',
    subject String COMMENT 'its parts, joined by 0x1F',
    incident_id String,
    action LowCardinality(String) COMMENT 'ack, unack, mute or unmute',
    acted_by String COMMENT 'the account that did it',
    reason String,
    until DateTime64(3, 'UTC') COMMENT 'when a mute ends; 1970 for never',
    acted_at DateTime64(3, 'UTC'),
    version UInt64
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (realm, kind, subject, incident_id, acted_at, action, acted_by, reason, until);
