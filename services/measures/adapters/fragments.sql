-- purchases --
-- Every counting order before the end of the window with the profile that holds it now, counted
-- once per issuer and order id as docs/profiles.md says. Of several reports the best one owns the
-- order; orders cancelled as a whole are skipped, cancelled lines reduce the revenue. An identifier
-- that the map does not know is a profile of its own, and a person if its type is personal.
    reports AS
    (
        SELECT order_action AS action, order_issuer AS issuer, order_id, node, occurred_at,
            channel, source_store AS store, anchor_type, anchor_type = 'record' AS unnamed,
            order_currency AS currency, order_value AS value, empty(lines.kind) AS whole,
            concat(unnamed ? '1' : '0', toString(occurred_at), event_id, '\0', toString(node))
                AS rank
        FROM orders FINAL
        WHERE realm = {realm:String} AND order_counts AND NOT synthetic
            AND order_action IN ('placed', 'cancelled')
    ),
    placed AS
    (
        SELECT issuer, order_id, min(unnamed) AS nobodys,
            argMin((node, anchor_type, occurred_at, channel, store, currency, value), rank) AS best
        FROM reports WHERE action = 'placed' GROUP BY issuer, order_id
    ),
    cancelled AS
    (
        SELECT issuer, order_id, max(whole) AS is_whole,
            groupArrayIf((currency, value), NOT whole) AS parts
        FROM reports WHERE action = 'cancelled' GROUP BY issuer, order_id
    ),
    counted AS
    (
        SELECT p.best.1 AS node, p.best.2 AS anchor_type, p.best.3 AS at,
            p.best.4::String AS channel, p.best.5::String AS store, p.best.6::String AS currency,
            arraySum(x -> x.2, arrayFilter(x -> x.1 = '' OR x.1 = currency, c.parts)) AS off,
            (p.best.7 - greatest(0, least(off, p.best.7)))::Decimal(38, 4) AS revenue
        FROM placed AS p LEFT JOIN cancelled AS c
            ON p.issuer = c.issuer AND p.order_id = c.order_id
        WHERE NOT p.nobodys AND NOT c.is_whole
            AND at < fromUnixTimestamp64Milli({until_ms:Int64}, 'UTC')
    ),
    purchases AS
    (
        SELECT if(m.kind != '', m.profile, c.node) AS profile, c.at AS at, c.channel AS channel,
            if(c.store = '', c.channel, c.store) AS place, c.currency AS currency,
            c.revenue AS revenue
        FROM counted AS c
        LEFT ANY JOIN
        (
            SELECT node, profile, kind::String AS kind FROM map FINAL WHERE realm = {realm:String}
        ) AS m ON c.node = m.node
        WHERE has({kinds:Array(String)}, multiIf(m.kind != '', m.kind, has(
            (SELECT groupArrayArray(personal_types) FROM realms FINAL WHERE realm = {realm:String}),
            c.anchor_type), 'person', 'anonymous'))
    )

-- occasions --
-- Purchases of one calendar day of the realm at one place are one occasion. Money of other
-- currencies than the realm's does not count; `number` counts the occasions of a person.
    occasions AS
    (
        SELECT profile, toDate(at, {zone:String}) AS day, place,
            sum(currency = {currency:String} ? revenue : 0) AS revenue,
            row_number() OVER (PARTITION BY profile ORDER BY day, place) AS number,
            day >= toDate(fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC'), {zone:String})
                AS is_inside
        FROM purchases GROUP BY profile, day, place
    )

-- returns --
-- Every return before the end of the window, once per issuer and return number, with the profile of
-- the order that it names, or of whoever is named with it. In the realm's currency; of others
-- nothing.
    returned AS
    (
        SELECT order_issuer AS issuer, return_id,
            argMin((order_id, node, anchor_type, anchor_type = 'record', order_currency,
                order_value, occurred_at), (order_id = '', rank)) AS best
        FROM
        (
            SELECT *, concat(anchor_type = 'record' ? '1' : '0', toString(occurred_at), event_id,
                '\0', toString(node)) AS rank
            FROM orders FINAL
            WHERE realm = {realm:String} AND order_counts AND NOT synthetic
                AND order_action = 'returned'
        )
        GROUP BY issuer, return_id
    ),
    sold AS
    (
        SELECT issuer, order_id, nobodys, best.1 AS node, best.2 AS anchor_type,
            best.6::String AS currency, true AS is_known
        FROM placed
        WHERE (issuer, order_id) IN (SELECT issuer, best.1 FROM returned)
    ),
    owned AS
    (
        SELECT if(s.is_known, s.node, r.best.2) AS node,
            if(s.is_known, s.anchor_type, r.best.3) AS anchor_type, r.best.7 AS at,
            if(r.best.5 = '' AND s.is_known, s.currency, r.best.5::String) AS said_in,
            (said_in IN ('', {currency:String}) ? r.best.6 : 0)::Decimal(38, 4) AS refund
        FROM returned AS r LEFT JOIN sold AS s ON r.issuer = s.issuer AND r.best.1 = s.order_id
        WHERE NOT if(s.is_known, s.nobodys, r.best.4)
            AND at < fromUnixTimestamp64Milli({until_ms:Int64}, 'UTC')
    ),
    returns AS
    (
        SELECT if(m.kind != '', m.profile, o.node) AS profile, o.at AS at, o.refund AS refund
        FROM owned AS o
        LEFT ANY JOIN
        (
            SELECT node, profile, kind::String AS kind FROM map FINAL WHERE realm = {realm:String}
        ) AS m ON o.node = m.node
        WHERE has({kinds:Array(String)}, multiIf(m.kind != '', m.kind, has(
            (SELECT groupArrayArray(personal_types) FROM realms FINAL WHERE realm = {realm:String}),
            o.anchor_type), 'person', 'anonymous'))
    )

-- customers --
-- Who was a customer when the window began and when it ended. A person is one for some days after
-- an order; an order of the very instant in which the window begins belongs to the window.
    customers AS
    (
        SELECT profile, min(at) >= starts AS is_new, max(at) >= ends - active AS at_end,
            countIf(at < starts AND at >= starts - active) > 0 AS at_start,
            fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC') AS starts,
            fromUnixTimestamp64Milli({until_ms:Int64}, 'UTC') AS ends,
            toIntervalDay({active_days:UInt16}) AS active
        FROM purchases GROUP BY profile
    )

-- bounded --
-- What is joined and grouped goes to disk above a limit, whatever the number of customers is.
SETTINGS join_algorithm = 'grace_hash,hash', max_bytes_in_join = 64000000,
    max_bytes_before_external_group_by = 300000000, temporary_files_buffer_size = 65536,
    max_read_buffer_size = 131072
