-- Accounts and households: what events say of them, and who belongs to them. A membership stands
-- under the anchor of the person, master data under a record of their own; both are found by the
-- number of the group. Nothing here joins anybody: who a person is says the map.

ALTER TABLE touchpoints
    ADD COLUMN IF NOT EXISTS group_kind LowCardinality(String)
        COMMENT 'account or household; empty for an event about neither',
    ADD COLUMN IF NOT EXISTS group_action LowCardinality(String)
        COMMENT 'described: master data; member: who belongs to it',
    ADD COLUMN IF NOT EXISTS group_issuer LowCardinality(String),
    ADD COLUMN IF NOT EXISTS group_id String,
    ADD COLUMN IF NOT EXISTS `group.field` Array(LowCardinality(String)),
    ADD COLUMN IF NOT EXISTS `group.value` Array(String) COMMENT 'empty says: no longer so',
    ADD COLUMN IF NOT EXISTS `member.roles` Array(LowCardinality(String)),
    ADD COLUMN IF NOT EXISTS member_title String,
    ADD COLUMN IF NOT EXISTS member_since DateTime64(3, 'UTC')
        COMMENT 'from when on this replaces what was said before',
    ADD COLUMN IF NOT EXISTS member_until Nullable(DateTime64(3, 'UTC'))
        COMMENT 'when the membership ends; not after member_since if there is none';

CREATE TABLE IF NOT EXISTS group_facts
(
    realm LowCardinality(String),
    node UUID,
    event_id String,
    version UInt64,
    occurred_at DateTime64(3, 'UTC'),
    channel LowCardinality(String),
    synthetic Bool,
    source_system LowCardinality(String),
    group_kind LowCardinality(String),
    group_action LowCardinality(String),
    group_issuer LowCardinality(String),
    group_id String,
    `group.field` Array(LowCardinality(String)),
    `group.value` Array(String),
    `member.roles` Array(LowCardinality(String)),
    member_title String,
    member_since DateTime64(3, 'UTC'),
    member_until Nullable(DateTime64(3, 'UTC'))
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (realm, node, event_id)
SETTINGS index_granularity = 256, old_parts_lifetime = 30,
    min_bytes_for_wide_part = 67108864, min_compress_block_size = 8192;

-- Which events name a group, in any of their bodies: it only says where to look.
CREATE TABLE IF NOT EXISTS group_keys
(
    realm LowCardinality(String),
    group_kind LowCardinality(String),
    group_action LowCardinality(String),
    group_id String,
    node UUID,
    event_id String
)
ENGINE = ReplacingMergeTree
ORDER BY (realm, group_kind, group_action, group_id, node, event_id)
SETTINGS index_granularity = 256, old_parts_lifetime = 30,
    min_bytes_for_wide_part = 67108864, min_compress_block_size = 8192;

CREATE MATERIALIZED VIEW IF NOT EXISTS group_keys_view TO group_keys AS
SELECT realm, group_kind, group_action, group_id, node, event_id FROM group_facts
WHERE group_kind != '';

-- An account is found by those that were merged into it, too.
CREATE MATERIALIZED VIEW IF NOT EXISTS group_successors_view TO group_keys AS
SELECT realm, group_kind, group_action,
    group.value[indexOf(group.field, 'replaced_by')] AS group_id, node, event_id
FROM group_facts
WHERE group_kind != '' AND group.value[indexOf(group.field, 'replaced_by')] != '';

CREATE MATERIALIZED VIEW IF NOT EXISTS group_facts_view TO group_facts AS
SELECT realm, node, event_id, version, occurred_at, channel, synthetic, source_system, group_kind,
    group_action, group_issuer, group_id, group.field, group.value, member.roles, member_title,
    member_since, member_until
FROM touchpoints WHERE group_kind != '' OR corrects;
