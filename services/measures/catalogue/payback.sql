-- costs --
-- What campaigns that were published in the window cost, by what they are for.
WITH
    -- CTEs of campaign_costs --
SELECT aim, count() AS campaigns, sum(cost)::Decimal(38, 4) AS cost FROM campaign_costs GROUP BY aim

-- newcomers --
-- Persons whose first order of all lies in the window, what they bought in it, and for how many days they
-- were there when it ended.
WITH
    -- CTEs of purchases --
SELECT count() AS persons, sum(spent)::Decimal(38, 4) AS revenue, sum(days_there) AS days
FROM
(
    SELECT sum(currency = {currency:String} ? revenue : 0) AS spent,
        dateDiff('day', toDate(min(at), {zone:String}),
            toDate(fromUnixTimestamp64Milli({until_ms:Int64}, 'UTC'), {zone:String})) AS days_there
    FROM purchases GROUP BY profile
    HAVING min(at) >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC')
)
