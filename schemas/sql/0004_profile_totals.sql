-- What profiles need beside the facts: orders by number, and the totals of every profile for lists
-- and populations, refreshed as a whole. The totals are the figures of
-- services/profiles/core/purchases.py, one row per customer: what names nobody is left out.

CREATE TABLE IF NOT EXISTS realms
(
    realm LowCardinality(String),
    currency LowCardinality(String),
    personal_types Array(LowCardinality(String)) COMMENT 'identifier types that stand for a person',
    registered_at DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC')
)
ENGINE = ReplacingMergeTree(registered_at)
ORDER BY realm;

-- Where an order was reported. A bloom filter alone reads most of the table as soon as a customer
-- has some dozens of orders.
CREATE TABLE IF NOT EXISTS order_keys
(
    realm LowCardinality(String),
    order_id String,
    node UUID,
    event_id String
)
ENGINE = ReplacingMergeTree
ORDER BY (realm, order_id, node, event_id)
SETTINGS index_granularity = 256, old_parts_lifetime = 30;

CREATE MATERIALIZED VIEW IF NOT EXISTS order_keys_view TO order_keys AS
SELECT realm, order_id, node, event_id FROM touchpoints
WHERE order_id != '' AND order_action IN ('placed', 'cancelled', 'returned');

ALTER TABLE orders ADD INDEX IF NOT EXISTS by_return return_id TYPE bloom_filter(0.01) GRANULARITY 4;

CREATE MATERIALIZED VIEW IF NOT EXISTS profile_totals
REFRESH EVERY 1 HOUR
(
    realm LowCardinality(String),
    profile UUID,
    kind LowCardinality(String) COMMENT 'person, anonymous or shared',
    identifiers_count UInt64,
    orders UInt64,
    returns UInt64,
    cancellations UInt64,
    revenue Decimal(38, 4),
    returned Decimal(38, 4),
    currency LowCardinality(String),
    first_contact Nullable(DateTime64(3, 'UTC')),
    last_contact Nullable(DateTime64(3, 'UTC')),
    channels Array(String),
    refreshed_at DateTime64(3, 'UTC') COMMENT 'when the refresh began'
)
ENGINE = MergeTree
ORDER BY (realm, profile)
EMPTY
AS
WITH
    reports AS
    (
        -- rank puts a report that names somebody first, then the earliest, then the smallest id
        SELECT realm, order_action AS action, order_issuer AS issuer, order_id, return_id, node,
            anchor_type = 'record' AS unnamed, order_currency AS currency, order_value AS value,
            empty(lines.kind) AS whole,
            (anchor_type = 'record', occurred_at, event_id, toString(node)) AS rank
        FROM orders FINAL
        WHERE order_counts AND NOT synthetic AND order_action IN ('placed', 'cancelled', 'returned')
    ),
    returned_once AS
    (
        SELECT realm, issuer, return_id,
            argMin((order_id, node, unnamed, currency, value), (order_id = '', rank)) AS best
        FROM reports WHERE action = 'returned' GROUP BY realm, issuer, return_id
    ),
    by_order AS
    (
        SELECT realm, issuer, order_id, return_id, action, node, unnamed, currency, value, whole,
            rank
        FROM reports WHERE action != 'returned'
        UNION ALL
        -- a return without an order stands alone, under its own number
        SELECT realm, issuer, best.1, if(best.1 = '', return_id, ''), 'returned', best.2, best.3,
            best.4, best.5, false, (false, toDateTime64(0, 3, 'UTC'), '', '')
        FROM returned_once
    ),
    settled AS
    (
        SELECT realm,
            countIf(action = 'placed') > 0 AS is_known,
            countIf(action = 'cancelled' AND whole) > 0 AS is_cancelled,
            argMinIf((node, unnamed, currency, value), rank, action = 'placed') AS best,
            argMinIf((node, unnamed), rank, action = 'cancelled' AND whole) AS canceller,
            groupArrayIf((currency, value), action = 'cancelled' AND NOT whole) AS parts,
            arraySum(part -> part.2, arrayFilter(part -> part.1 = best.3, parts)) AS off,
            groupArrayIf((node, unnamed, currency, value), action = 'returned') AS came_back,
            -- node, unnamed, orders, returns, cancellations, currency, revenue, returned
            arrayConcat(
                if(is_known,
                    [(best.1, best.2, toUInt64(NOT is_cancelled), 0::UInt64,
                        toUInt64(is_cancelled), best.3,
                        if(is_cancelled, 0, best.4 - greatest(0, least(off, best.4)))::Decimal(38, 4),
                        0::Decimal(38, 4))], []),
                if(is_cancelled AND NOT is_known,
                    [(canceller.1, canceller.2, 0::UInt64, 0::UInt64, 1::UInt64, '',
                        0::Decimal(38, 4), 0::Decimal(38, 4))], []),
                arrayMap(one -> (if(is_known, best.1, one.1), if(is_known, best.2, one.2),
                    0::UInt64, 1::UInt64, 0::UInt64, one.3, 0::Decimal(38, 4),
                    one.4::Decimal(38, 4)), came_back)) AS entries
        FROM by_order GROUP BY realm, issuer, order_id, return_id
    ),
    by_node AS
    (
        SELECT realm, node, anyIf(profile, mapped) AS mapped_to, max(mapped) AS is_mapped,
            max(kind) AS map_kind, max(personal) AS is_personal, sum(identifiers) AS identifiers,
            sum(orders) AS orders, sum(returns) AS returns, sum(cancellations) AS cancellations,
            sum(revenue) AS revenue, sum(returned) AS returned, min(first) AS first,
            max(last) AS last, groupUniqArrayArray(channels) AS channels
        FROM
        (
            SELECT realm, node, profile, true AS mapped, kind::String AS kind, false AS personal,
                0 AS identifiers, 0 AS orders, 0 AS returns, 0 AS cancellations,
                0::Decimal(38, 4) AS revenue, 0::Decimal(38, 4) AS returned,
                NULL::Nullable(DateTime64(3, 'UTC')) AS first,
                NULL::Nullable(DateTime64(3, 'UTC')) AS last, []::Array(String) AS channels
            FROM map FINAL
            UNION ALL
            SELECT v.realm, v.node, toUUIDOrZero(''), false, '', has(r.personal_types, v.type), 1,
                0, 0, 0, 0, 0, NULL, NULL, []
            FROM (SELECT realm, node, type FROM node_values FINAL) AS v
            INNER JOIN (SELECT * FROM realms FINAL) AS r ON v.realm = r.realm
            UNION ALL
            SELECT realm, node, toUUIDOrZero(''), false, '', false, 0, 0, 0, 0, 0, 0,
                min(occurred_at), max(occurred_at), groupUniqArray(channel::String)
            FROM touchpoints FINAL WHERE NOT synthetic AND anchor_type != 'record'
            GROUP BY realm, node
            UNION ALL
            SELECT s.realm, entry.1, toUUIDOrZero(''), false, '', false, 0, entry.3, entry.4,
                entry.5, if(entry.6 = r.currency, entry.7, 0), if(entry.6 = r.currency, entry.8, 0),
                NULL, NULL, []
            FROM (SELECT realm, arrayJoin(entries) AS entry FROM settled) AS s
            INNER JOIN (SELECT * FROM realms FINAL) AS r ON s.realm = r.realm
            WHERE NOT entry.2
        )
        GROUP BY realm, node
    )
SELECT t.realm AS realm, t.profile AS profile,
    multiIf(t.kind != '', t.kind, t.is_personal, 'person', 'anonymous') AS kind,
    t.identifiers AS identifiers_count, t.orders AS orders, t.returns AS returns,
    t.cancellations AS cancellations, t.revenue AS revenue, t.returned AS returned,
    r.currency AS currency, t.first AS first_contact, t.last AS last_contact,
    t.channels AS channels, now64(3, 'UTC') AS refreshed_at
FROM
(
    SELECT realm, if(is_mapped, mapped_to, node) AS profile, max(map_kind) AS kind,
        max(is_personal) AS is_personal, sum(n.identifiers) AS identifiers,
        sum(n.orders) AS orders, sum(n.returns) AS returns, sum(n.cancellations) AS cancellations,
        sum(n.revenue) AS revenue, sum(n.returned) AS returned, min(n.first) AS first,
        max(n.last) AS last, arraySort(groupUniqArrayArray(n.channels)) AS channels
    FROM by_node AS n GROUP BY realm, profile
) AS t
INNER JOIN (SELECT * FROM realms FINAL) AS r ON t.realm = r.realm;
