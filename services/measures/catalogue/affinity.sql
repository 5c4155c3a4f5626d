-- baskets --
-- Orders of the window that name an article.
WITH
    -- CTEs of baskets --
SELECT uniqExact(profile) AS persons, count() AS baskets FROM baskets
WHERE at >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC')
    AND arrayExists(line -> line.1 != '', lines)

-- pairs --
-- Pairs of articles that enough orders of the window have both, the ones of most orders, and how many
-- have each of them.
WITH
    -- CTEs of baskets --,
    orders_with AS
    (
        SELECT profile, arraySlice(arraySort(arrayDistinct(arrayFilter(sku -> sku != '',
            arrayMap(line -> line.1, lines)))), 1, {skus_max:UInt16}) AS articles
        FROM baskets
        WHERE at >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC') AND notEmpty(articles)
    ),
    single AS
    (
        SELECT sku, count() AS many FROM orders_with ARRAY JOIN articles AS sku
        GROUP BY sku HAVING many >= {baskets_min:UInt16}
    ),
    pairs AS
    (
        SELECT a AS first, b AS second, uniqExact(profile) AS persons, count() AS both
        FROM
        (
            SELECT profile, arrayFilter(sku -> sku IN (SELECT sku FROM single), articles) AS frequent
            FROM orders_with
        )
        ARRAY JOIN frequent AS a
        ARRAY JOIN frequent AS b
        WHERE a < b GROUP BY first, second HAVING both >= {baskets_min:UInt16}
        ORDER BY both DESC, first, second LIMIT {candidates_max:UInt32}
    )
SELECT first, second, persons, both, x.many AS with_first, y.many AS with_second
FROM pairs INNER JOIN single AS x ON first = x.sku INNER JOIN single AS y ON second = y.sku
