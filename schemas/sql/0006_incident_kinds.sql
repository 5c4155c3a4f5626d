-- Incidents of any kind: keyed by kind and subject instead of by product. Stored incidents are
-- carried over and judged once more at the next tick, which completes their details. The former
-- tables stay unused. Claims of kinds other than price mismatches come into a table of their own.

CREATE TABLE IF NOT EXISTS incident_states
(
    realm LowCardinality(String),
    kind LowCardinality(String),
    subject_type LowCardinality(String) COMMENT 'product, customer, store, case or source',
    subject String COMMENT 'its parts, joined by 0x1F',
    incident_id String,
    state LowCardinality(String),
    since DateTime64(3, 'UTC'),
    body String COMMENT 'the incident as JSON (schemas/incident.py)',
    version UInt64
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (realm, kind, subject, incident_id);

CREATE TABLE IF NOT EXISTS timers
(
    realm LowCardinality(String),
    kind LowCardinality(String),
    subject_type LowCardinality(String),
    subject String,
    due_at DateTime64(3, 'UTC') COMMENT 'when time alone changes something; 1970 for never',
    version UInt64
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (realm, kind, subject);

INSERT INTO incident_states
SELECT realm, kind, 'product', concat(market, '\x1f', sku), incident_id, state, since,
    concat(
        '{"incident_id":', JSONExtractRaw(body, 'incident_id'),
        ',"realm":', JSONExtractRaw(body, 'realm'),
        ',"kind":', JSONExtractRaw(body, 'kind'),
        ',"subject":{"type":"product","market":', JSONExtractRaw(body, 'market'),
        ',"sku":', JSONExtractRaw(body, 'sku'),
        '},"channel":', JSONExtractRaw(body, 'channel'),
        ',"location":', JSONExtractRaw(body, 'location'),
        ',"state":', JSONExtractRaw(body, 'state'),
        ',"severity":', JSONExtractRaw(body, 'severity'),
        ',"cause":', JSONExtractRaw(body, 'cause'),
        ',"since":', JSONExtractRaw(body, 'since'),
        ',"due_at":', JSONExtractRaw(body, 'due_at'),
        ',"until":', JSONExtractRaw(body, 'until'),
        ',"opened_at":', JSONExtractRaw(body, 'opened_at'),
        ',"resolved_at":', JSONExtractRaw(body, 'resolved_at'),
        ',"evidence":', JSONExtractRaw(body, 'evidence'),
        ',"details":{"expected":', JSONExtractRaw(body, 'expected'),
        ',"observed":', JSONExtractRaw(body, 'observed'),
        ',"currency":', JSONExtractRaw(body, 'currency'),
        ',"terms":{}}}'
    ),
    version
FROM incidents FINAL;

INSERT INTO timers
SELECT realm, 'price_mismatch', 'product', concat(market, '\x1f', sku), due_at, version
FROM book_timers FINAL
WHERE (realm, market, sku) NOT IN (SELECT realm, market, sku FROM incidents FINAL);

INSERT INTO timers
SELECT realm, 'price_mismatch', 'product', concat(market, '\x1f', sku),
    toDateTime64('1970-01-01 00:00:01', 3, 'UTC'), max(version)
FROM incidents FINAL GROUP BY realm, market, sku;

ALTER TABLE touchpoints
    ADD COLUMN IF NOT EXISTS `claims.kind` Array(LowCardinality(String)),
    ADD COLUMN IF NOT EXISTS `claims.subject_type` Array(LowCardinality(String)),
    ADD COLUMN IF NOT EXISTS `claims.subject` Array(String),
    ADD COLUMN IF NOT EXISTS `claims.body` Array(String)
        COMMENT 'JSON of the rest (schemas/claim.py)';

CREATE TABLE IF NOT EXISTS claims
(
    realm LowCardinality(String),
    node UUID,
    event_id String,
    version UInt64,
    occurred_at DateTime64(3, 'UTC'),
    channel LowCardinality(String),
    synthetic Bool,
    order_id String,
    `claims.kind` Array(LowCardinality(String)),
    `claims.subject_type` Array(LowCardinality(String)),
    `claims.subject` Array(String),
    `claims.body` Array(String),
    INDEX by_subject claims.subject TYPE bloom_filter(0.01) GRANULARITY 1
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (realm, node, event_id)
SETTINGS index_granularity = 256, old_parts_lifetime = 30,
    min_bytes_for_wide_part = 67108864;

-- A corrected event comes in even when it claims nothing any more.
CREATE MATERIALIZED VIEW IF NOT EXISTS claims_view TO claims AS
SELECT realm, node, event_id, version, occurred_at, channel, synthetic, order_id, claims.kind,
    claims.subject_type, claims.subject, claims.body
FROM touchpoints WHERE notEmpty(claims.kind) OR bitShiftRight(version, 32) > 0;
