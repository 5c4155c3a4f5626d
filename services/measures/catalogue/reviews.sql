-- groups --
-- Reviews with a rating in the window, of all and of every group that they belong to; `stars` is the rating
-- itself. Reviews of no product count each.
WITH
    -- CTEs of interactions --,
    given AS
    (
        SELECT profile, channel::String AS channel, source_store::String AS store, sku, rating,
            rating = floor(rating) AND rating >= {lowest:UInt8} AND rating <= {highest:UInt8}
                AS is_valid
        FROM interacted
        WHERE type = 'review.posted' AND rating IS NOT NULL
            AND occurred_at >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC')
        ORDER BY occurred_at DESC, event_id DESC
        LIMIT 1 BY profile, sku, sku = '' ? event_id : ''
    ),
    listed AS
    (
        SELECT sku FROM given WHERE sku != '' AND is_valid
        GROUP BY sku ORDER BY count() DESC, sku LIMIT {skus_max:UInt16}
    )
SELECT cell.1 AS by, cell.2 AS key, uniqExactIf(profile, is_valid) AS respondents,
    countIf(is_valid) AS ratings, countIf(is_valid AND rating >= {highest:UInt8} - 1) AS top_two,
    countIf(NOT is_valid) AS invalid, 1 AS scales,
    toFloat64(sumIf(assumeNotNull(rating), is_valid)) AS total,
    toFloat64(sumIf(assumeNotNull(rating * rating), is_valid)) AS squares
FROM given
ARRAY JOIN arrayConcat(
    [('', ''), ('channel', channel), ('store', store)],
    is_valid ? [('stars', toString(toInt64(rating)))] : [],
    sku IN (SELECT sku FROM listed) ? [('sku', sku)] : []) AS cell
GROUP BY by, key
