-- categories --
-- Orders of the window by persons who bought on an earlier day, and those that are the first with a line
-- of a category: all together, and by the categories that most orders add.
WITH
    -- CTEs of baskets --,
    bought AS
    (
        SELECT profile, event_id, at, line.2::String AS category,
            min(at) OVER (PARTITION BY profile) AS first_at,
            min(at) OVER (PARTITION BY profile, category) AS category_at
        FROM baskets LEFT ARRAY JOIN lines AS line
    ),
    returning AS
    (
        SELECT profile, event_id, max(category) = '' AS is_unknown,
            groupUniqArrayIf(category, category != '' AND category_at = at) AS added
        FROM bought
        WHERE at >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC')
            AND toDate(at, {zone:String}) > toDate(first_at, {zone:String})
        GROUP BY profile, event_id
    )
SELECT '' AS category, uniqExact(profile) AS persons, count() AS orders,
    countIf(notEmpty(added)) AS added, countIf(is_unknown) AS unknown
FROM returning
UNION ALL
SELECT * FROM
(
    SELECT new, uniqExact(profile), count() AS many, count(), 0
    FROM returning ARRAY JOIN added AS new GROUP BY new ORDER BY many DESC, new
    LIMIT {categories_max:UInt16}
)
