-- articles --
-- What may be recommended: the articles that most persons bought in the window and somebody did of
-- late.
WITH
    -- CTEs of baskets --,
    -- CTEs of order_lines --
SELECT sku::String AS sku, argMax(category, (at, event_id, category)) AS category,
    uniqExact(profile) AS buyers
FROM order_lines
WHERE at >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC') AND sku != ''
    AND NOT has({withheld:Array(String)}, sku)
GROUP BY sku
HAVING buyers >= {persons_min:UInt8}
    AND max(at) >= fromUnixTimestamp64Milli({sold_since_ms:Int64}, 'UTC')
ORDER BY buyers DESC, sku LIMIT {articles_max:UInt16}

-- shoppers --
-- What persons looked at, put into carts and bought of these, each once a day, by what it counts at the
-- end of the window; a random part of them if there are many, the same each time.
WITH
    -- CTEs of holders --,
    -- CTEs of interactions --,
    -- CTEs of baskets --,
    -- CTEs of order_lines --,
    offered AS
    (
        SELECT sku, uniqExact(profile) AS buyers FROM order_lines
        WHERE at >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC') AND sku != ''
            AND NOT has({withheld:Array(String)}, sku)
        GROUP BY sku
        HAVING buyers >= {persons_min:UInt8}
            AND max(at) >= fromUnixTimestamp64Milli({sold_since_ms:Int64}, 'UTC')
        ORDER BY buyers DESC, sku LIMIT {articles_max:UInt16}
    ),
    done AS
    (
        SELECT DISTINCT profile, toDate(at, {zone:String}) AS day, what.1 AS sku, what.2 AS points,
            false AS is_owned
        FROM
        (
            SELECT profile, occurred_at AS at, arrayJoin(type = 'product.viewed' ? [(sku, {viewed:UInt8})]
                : arrayMap(one -> (one, {kept:UInt8}), skus)) AS what
            FROM interacted
            WHERE type IN ('product.viewed', 'cart.updated')
                AND occurred_at >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC')
        )
        UNION ALL
        SELECT profile, toDate(at, {zone:String}) AS day, sku::String, {bought:UInt8},
            max(has({durable:Array(String)}, category))
        FROM order_lines WHERE at >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC')
        GROUP BY profile, day, sku
    ),
    last_orders AS
    (
        SELECT profile, max(toDate(at, {zone:String})) AS day,
            argMax(arrayMap(line -> line.1, lines), (at, event_id)) AS skus
        FROM baskets WHERE at >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC') GROUP BY profile
    ),
    back AS
    (
        SELECT node, order_issuer AS issuer, order_id, toDate(occurred_at, {zone:String}) AS day,
            arrayJoin(lines.sku) AS sku
        FROM orders FINAL
        WHERE realm = {realm:String} AND order_action = 'returned' AND order_counts AND NOT synthetic
            AND occurred_at < fromUnixTimestamp64Milli({until_ms:Int64}, 'UTC')
    ),
    sent_back AS
    (
        SELECT profile, sku, min(day) AS day FROM
        (
            SELECT if(h.kind = '', back.node, h.profile) AS profile, sku, day
            FROM back LEFT ANY JOIN holders AS h ON back.node = h.node
            UNION ALL
            SELECT b.profile, back.sku, back.day
            FROM back INNER JOIN baskets AS b
                ON back.issuer = b.issuer AND back.order_id = b.order_id
            WHERE back.order_id != ''
        )
        GROUP BY profile, sku
    ),
    liked AS
    (
        SELECT d.profile AS profile, d.sku AS sku, any(l.day) AS last_day, any(l.skus) AS last_skus,
            sum(toUInt64(round({precision:UInt32} * d.points * pow(0.5, dateDiff('day', d.day,
                toDate(fromUnixTimestamp64Milli({until_ms:Int64}, 'UTC'), {zone:String}))
                / {half_life_days:UInt16})))) AS weight,
            sumIf(toUInt64(round({precision:UInt32} * d.points * pow(0.5, dateDiff('day', d.day,
                toDate(fromUnixTimestamp64Milli({until_ms:Int64}, 'UTC'), {zone:String}))
                / {half_life_days:UInt16}))), d.day < l.day) AS weight_before,
            countIf(d.points = {bought:UInt8} AND d.day < l.day) > 0 AS is_bought,
            countIf(d.is_owned AND d.day < l.day) > 0 AS is_kept
        FROM done AS d LEFT ANY JOIN last_orders AS l ON d.profile = l.profile
        WHERE d.sku IN (SELECT sku FROM offered)
        GROUP BY profile, sku
    )
SELECT arrayMap(one -> one.1, found) AS items, arrayMap(one -> one.2, found) AS weights,
    arrayMap(one -> one.3, found) AS before, arrayMap(one -> one.4, found) AS bought_before,
    arrayMap(one -> one.5, found) AS barred, arrayMap(one -> one.6, found) AS last,
    count() OVER () AS shoppers
FROM
(
    SELECT a.profile AS profile, arraySort(groupArray((a.sku, a.weight, a.weight_before,
            a.is_bought, a.is_kept OR b.day > toDate(0) AND b.day < a.last_day, has(a.last_skus, a.sku)))) AS found
    FROM liked AS a LEFT ANY JOIN sent_back AS b ON a.profile = b.profile AND a.sku = b.sku
    GROUP BY profile
)
ORDER BY sipHash64(profile), profile LIMIT {sample_max:UInt16}
