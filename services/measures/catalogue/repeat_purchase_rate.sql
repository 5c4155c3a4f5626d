-- repeat_purchase_rate --
-- Every counting order before the end of the window with the profile that holds it now, counted
-- once per issuer and order id as docs/profiles.md says. Of several reports the best one owns the
-- order; orders cancelled as a whole are skipped, cancelled lines reduce the revenue.
WITH
    reports AS
    (
        SELECT order_action AS action, order_issuer AS issuer, order_id, node, occurred_at,
            if(source_store = '', channel::String, source_store::String) AS place,
            anchor_type = 'record' AS unnamed, order_currency AS currency, order_value AS value,
            empty(lines.kind) AS whole,
            concat(unnamed ? '1' : '0', toString(occurred_at), event_id, '\0', toString(node))
                AS rank
        FROM orders FINAL
        WHERE realm = {realm:String} AND order_counts AND NOT synthetic
            AND order_action IN ('placed', 'cancelled')
    ),
    placed AS
    (
        SELECT issuer, order_id, argMin(node, rank) AS owner, min(unnamed) AS nobodys,
            argMin(occurred_at, rank) AS at, argMin(place, rank) AS where_sold,
            argMin(currency, rank) AS sold_in, argMin(value, rank) AS worth
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
        SELECT p.owner AS node, p.at AS at, p.where_sold AS place, p.sold_in AS currency,
            arraySum(x -> x.2, arrayFilter(x -> x.1 = '' OR x.1 = p.sold_in, c.parts)) AS off,
            (p.worth - greatest(0, least(off, p.worth)))::Decimal(38, 4) AS revenue
        FROM placed AS p LEFT JOIN cancelled AS c
            ON p.issuer = c.issuer AND p.order_id = c.order_id
        WHERE NOT p.nobodys AND NOT c.is_whole
            AND p.at < fromUnixTimestamp64Milli({until_ms:Int64}, 'UTC')
    ),
    mapped AS
    (
        SELECT node, profile, kind::String AS kind FROM map FINAL WHERE realm = {realm:String}
    ),
    personal AS
    (
        SELECT DISTINCT node FROM node_values FINAL
        WHERE realm = {realm:String} AND has(
            (SELECT groupArrayArray(personal_types) FROM realms FINAL WHERE realm = {realm:String}), type)
    )
SELECT if(m.kind != '', m.profile, o.node) AS profile, o.at AS occurred_at, o.place AS place,
    o.currency::String AS currency, o.revenue AS revenue
FROM counted AS o LEFT ANY JOIN mapped AS m ON o.node = m.node
WHERE has({kinds:Array(String)},
    multiIf(m.kind != '', m.kind, o.node IN (SELECT node FROM personal), 'person', 'anonymous'))
