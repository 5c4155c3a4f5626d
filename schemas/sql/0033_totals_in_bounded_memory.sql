-- The totals of all profiles are computed in bounded memory: what is joined and grouped goes to disk
-- above a limit. Otherwise the hourly refresh takes some 270 bytes an identifier, beside whatever
-- else its process does. Nothing else changes.

ALTER TABLE profile_totals MODIFY QUERY
WITH
    -- rank puts a report that names somebody first, then the earliest, then the smallest ids. It is
    -- one string because comparing tuples costs three times as much.
    reports AS
    (
        SELECT realm, order_action AS action, order_issuer AS issuer, order_id, return_id, node,
            anchor_type = 'record' AS unnamed, order_currency AS currency, order_value AS value,
            empty(lines.kind) AS whole,
            concat(unnamed ? '1' : '0', toString(occurred_at), event_id, '\0', toString(node))
                AS rank
        FROM orders FINAL
        WHERE order_counts AND NOT synthetic AND order_action IN ('placed', 'cancelled', 'returned')
    ),
    placed AS
    (
        SELECT realm, issuer, order_id, argMin(node, rank) AS owner, min(unnamed) AS nobodys,
            argMin(currency, rank) AS said_in, argMin(value, rank) AS worth
        FROM reports WHERE action = 'placed' GROUP BY realm, issuer, order_id
    ),
    cancelled AS
    (
        SELECT realm, issuer, order_id, max(whole) AS is_whole,
            argMinIf(node, rank, whole) AS owner, minIf(unnamed, whole) AS nobodys,
            groupArrayIf((currency, value), NOT whole) AS parts
        FROM reports WHERE action = 'cancelled' GROUP BY realm, issuer, order_id
    ),
    returned AS
    (
        SELECT realm, issuer, return_id, argMin(order_id, (order_id = '', rank)) AS named,
            argMin(node, (order_id = '', rank)) AS owner,
            argMin(unnamed, (order_id = '', rank)) AS nobodys,
            argMin(currency, (order_id = '', rank)) AS said_in,
            argMin(value, (order_id = '', rank)) AS worth
        FROM reports WHERE action = 'returned' GROUP BY realm, issuer, return_id
    ),
    cancelled_known AS
    (
        SELECT DISTINCT realm, issuer, order_id FROM reports
        WHERE action = 'placed'
            AND (realm, issuer, order_id) IN (SELECT realm, issuer, order_id FROM cancelled)
    ),
    returned_known AS
    (
        SELECT realm, issuer, order_id, argMin(node, rank) AS owner, min(unnamed) AS nobodys,
            argMin(currency, rank) AS said_in, true AS is_known
        FROM reports
        WHERE action = 'placed'
            AND (realm, issuer, order_id) IN (SELECT realm, issuer, named FROM returned)
        GROUP BY realm, issuer, order_id
    ),
    entries AS
    (
        SELECT p.realm AS realm, p.owner AS node, p.nobodys AS unnamed, p.said_in AS currency,
            toUInt64(NOT c.is_whole) AS orders, 0::UInt64 AS returns,
            toUInt64(c.is_whole) AS cancellations,
            arraySum(x -> x.2, arrayFilter(x -> x.1 = '' OR x.1 = p.said_in, c.parts)) AS off,
            if(c.is_whole, 0, p.worth - greatest(0, least(off, p.worth)))::Decimal(38, 4)
                AS revenue,
            0::Decimal(38, 4) AS returned
        FROM placed AS p LEFT JOIN cancelled AS c
            ON p.realm = c.realm AND p.issuer = c.issuer AND p.order_id = c.order_id
        UNION ALL
        SELECT c.realm, c.owner, c.nobodys, '', 0, 0, 1, 0, 0, 0
        FROM cancelled AS c LEFT ANTI JOIN cancelled_known AS k
            ON c.realm = k.realm AND c.issuer = k.issuer AND c.order_id = k.order_id
        WHERE c.is_whole
        UNION ALL
        SELECT r.realm, if(k.is_known, k.owner, r.owner), if(k.is_known, k.nobodys, r.nobodys),
            if(r.said_in = '' AND k.is_known, k.said_in, r.said_in), 0, 1, 0, 0, 0, r.worth
        FROM returned AS r LEFT JOIN returned_known AS k
            ON r.realm = k.realm AND r.issuer = k.issuer AND r.named = k.order_id
    ),
    contributions AS
    (
        SELECT realm, node, false AS personal, 0 AS identifiers, 0 AS orders, 0 AS returns,
            0 AS cancellations, 0::Decimal(38, 4) AS revenue, 0::Decimal(38, 4) AS returned,
            NULL::Nullable(DateTime64(3, 'UTC')) AS met_at,
            NULL::Nullable(DateTime64(3, 'UTC')) AS acted_at, '' AS channel
        FROM map FINAL
        UNION ALL
        SELECT v.realm, v.node, has(r.personal_types, v.type), 1, 0, 0, 0, 0, 0, NULL,
            NULL, ''
        FROM (SELECT realm, node, type FROM node_values FINAL) AS v
        INNER JOIN (SELECT * FROM realms FINAL) AS r ON v.realm = r.realm
        UNION ALL
        SELECT realm, node, false, 0, 0, 0, 0, 0, 0, occurred_at, if(active, occurred_at, NULL),
            channel::String
        FROM touchpoints FINAL WHERE NOT synthetic AND anchor_type != 'record'
        UNION ALL
        SELECT e.realm, e.node, false, 0, e.orders, e.returns, e.cancellations,
            if(e.currency = '' OR e.currency = r.currency, e.revenue, 0),
            if(e.currency = '' OR e.currency = r.currency, e.returned, 0),
            NULL, NULL, ''
        FROM entries AS e INNER JOIN (SELECT * FROM realms FINAL) AS r ON e.realm = r.realm
        WHERE NOT e.unnamed
    )
SELECT t.realm AS realm, t.profile AS profile,
    multiIf(t.kind != '', t.kind, t.is_personal, 'person', 'anonymous') AS kind,
    t.identifiers AS identifiers_count, t.orders AS orders, t.returns AS returns,
    t.cancellations AS cancellations, t.revenue AS revenue, t.returned AS returned,
    r.currency AS currency, t.first AS first_contact, t.last AS last_contact,
    t.acted AS last_active,
    arraySort(t.channels) AS channels, now64(3, 'UTC') AS refreshed_at
FROM
(
    -- a node that the map does not know is its own profile
    SELECT c.realm AS realm, if(m.kind != '', m.profile, c.node) AS profile, max(m.kind) AS kind,
        max(c.personal) AS is_personal, sum(c.identifiers) AS identifiers, sum(c.orders) AS orders,
        sum(c.returns) AS returns, sum(c.cancellations) AS cancellations, sum(c.revenue) AS revenue,
        sum(c.returned) AS returned, min(c.met_at) AS first, max(c.met_at) AS last,
        max(c.acted_at) AS acted,
        groupUniqArrayIf(c.channel, c.channel != '') AS channels
    FROM contributions AS c
    LEFT ANY JOIN (SELECT realm, node, profile, kind::String AS kind FROM map FINAL) AS m
        ON c.realm = m.realm AND c.node = m.node
    GROUP BY realm, profile
) AS t
INNER JOIN (SELECT * FROM realms FINAL) AS r ON t.realm = r.realm
SETTINGS join_algorithm = 'grace_hash,hash', max_bytes_in_join = 64000000,
    max_bytes_before_external_group_by = 300000000, temporary_files_buffer_size = 65536,
    max_read_buffer_size = 131072;
