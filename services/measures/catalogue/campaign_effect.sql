-- groups --
-- Persons of campaigns that began in the window, by whether they were addressed or held out by
-- chance: how many ordered within the days after, and for how much. Campaigns of most persons, and
-- all these together, whose persons count once.
WITH
    -- CTEs of interactions --,
    -- CTEs of purchases --,
    chosen AS
    (
        SELECT profile, campaign::String AS name, min(occurred_at) AS since,
            max(type = 'campaign.held_out') AS is_held_out
        FROM interacted
        WHERE campaign != '' AND (type IN ('campaign.held_out', 'campaign.reached')
            OR type IN ('message.sent', 'email.sent') AND purpose = 'marketing')
        GROUP BY profile, name
        HAVING since >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC')
            AND since + toIntervalDay({effect_days:UInt16})
                <= fromUnixTimestamp64Milli({until_ms:Int64}, 'UTC')
    ),
    judged AS
    (
        SELECT profile, name, max(held_out) AS held_out, countIf(is_due) AS orders,
            sum(is_due AND currency = {currency:String} ? revenue : 0) AS spent
        FROM
        (
            SELECT c.profile AS profile, c.name AS name, c.is_held_out AS held_out,
                p.currency AS currency, p.revenue AS revenue, p.known AND p.at >= c.since
                    AND p.at < c.since + toIntervalDay({effect_days:UInt16}) AS is_due
        FROM chosen AS c
        LEFT JOIN
        (
            SELECT profile, at, currency, revenue, true AS known FROM purchases
            WHERE profile IN (SELECT profile FROM chosen)
        ) AS p ON c.profile = p.profile
        )
        GROUP BY profile, name
    )
SELECT name AS campaign, held_out AS is_held_out, uniqExact(profile) AS persons,
    countIf(orders > 0) AS converted, sum(spent)::Decimal(38, 4) AS revenue,
    sum(toDecimal256(spent, 4) * toDecimal256(spent, 4))::Decimal(76, 4) AS squares
FROM judged
WHERE name IN
(
    SELECT name FROM judged GROUP BY name ORDER BY count() DESC, name
    LIMIT {campaigns_max:UInt16}
)
GROUP BY GROUPING SETS ((name, held_out), ())
