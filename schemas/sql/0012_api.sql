-- The query API: credentials, who read which profile, and answers to repeated writes. None of it is
-- part of the state that a digest covers.

CREATE TABLE IF NOT EXISTS api_keys
(
    key_id String COMMENT 'the part of the key that is no secret',
    name String COMMENT 'the client that uses it',
    realm LowCardinality(String),
    scopes Array(LowCardinality(String)),
    secret_hash String COMMENT 'SHA-256 of the secret part, in hexadecimal',
    rate_per_s Float64 COMMENT 'requests a second; 0 for the rate of all keys',
    replaces String COMMENT 'the key that this one succeeds; empty for none',
    created_at DateTime64(3, 'UTC'),
    created_by String,
    expires_at DateTime64(3, 'UTC') COMMENT '1970 for never',
    revoked_at DateTime64(3, 'UTC') COMMENT '1970 for not revoked',
    version UInt64 COMMENT 'highest bit: revoked, which is final; then milliseconds of the change'
)
ENGINE = ReplacingMergeTree(version)
ORDER BY key_id;

-- Who read whose profile and why. Rows are only ever added; one that is sent again is the same row.
-- An erasure leaves them: a profile id is a keyed hash, which says nothing once its values are gone,
-- and who has seen the data of an erased person must stay answerable. They go after three years.
CREATE TABLE IF NOT EXISTS access_log
(
    realm LowCardinality(String),
    at DateTime64(3, 'UTC'),
    entry_id String COMMENT 'random; tells entries of one millisecond apart',
    key_id String,
    key_name String,
    operation LowCardinality(String),
    purpose String COMMENT 'what the reader gave as reason',
    profile_ids Array(UUID) COMMENT 'profiles as they were called then; no column node on purpose',
    count UInt32 COMMENT 'how many were read, also where they are not listed',
    request_id String,
    status UInt16
)
ENGINE = ReplacingMergeTree
ORDER BY (realm, at, entry_id)
TTL toDateTime(at) + INTERVAL 3 YEAR
SETTINGS index_granularity = 1024, old_parts_lifetime = 30, min_bytes_for_wide_part = 67108864;

CREATE TABLE IF NOT EXISTS access_by_profile
(
    realm LowCardinality(String),
    profile UUID,
    at DateTime64(3, 'UTC'),
    entry_id String,
    key_id String
)
ENGINE = ReplacingMergeTree
ORDER BY (realm, profile, at, entry_id)
TTL toDateTime(at) + INTERVAL 3 YEAR
SETTINGS index_granularity = 1024, old_parts_lifetime = 30, min_bytes_for_wide_part = 67108864;

CREATE MATERIALIZED VIEW IF NOT EXISTS access_by_profile_view TO access_by_profile AS
SELECT realm, arrayJoin(profile_ids) AS profile, at, entry_id, key_id FROM access_log;

-- What a write was answered with, for a client that sends it again. An answer may name a person, so
-- that nothing is kept for longer than a client repeats.
CREATE TABLE IF NOT EXISTS idempotency
(
    realm LowCardinality(String),
    key_id String,
    idempotency_key String,
    request_hash String COMMENT 'SHA-256 of the request, in hexadecimal',
    status UInt16,
    body String CODEC(ZSTD(3)),
    at DateTime64(3, 'UTC')
)
ENGINE = ReplacingMergeTree(at)
ORDER BY (realm, key_id, idempotency_key)
TTL toDateTime(at) + INTERVAL 1 DAY
SETTINGS index_granularity = 256, old_parts_lifetime = 30, min_bytes_for_wide_part = 67108864;
