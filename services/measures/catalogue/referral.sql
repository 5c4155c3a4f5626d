-- groups --
-- Persons with an order by whether they are customers at the end of the window or new in it, and by what
-- they did by word of mouth. Who came by a recommendation did so at any time before the end.
WITH
    -- CTEs of purchases --,
    -- CTEs of customers --,
    -- CTEs of interactions --,
    spoken AS
    (
        SELECT profile, countIf(type = 'referral.made' AND is_inside) > 0 AS has_referred,
            countIf(type = 'referral.redeemed') > 0 AS was_referred,
            countIf(type = 'review.posted' AND is_inside AND rating >= {good_rating:Float64}) AS praised
        FROM
        (
            SELECT profile, type, rating,
                occurred_at >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC') AS is_inside
            FROM interacted WHERE type IN ('referral.made', 'referral.redeemed', 'review.posted')
        )
        GROUP BY profile
    )
SELECT c.at_end AS is_customer, c.is_new AS is_new, s.has_referred AS has_referred,
    s.was_referred AS was_referred, s.praised AS praised, count() AS persons
FROM customers AS c LEFT JOIN spoken AS s ON c.profile = s.profile
GROUP BY is_customer, is_new, has_referred, was_referred, praised
