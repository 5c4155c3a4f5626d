-- groups --
-- Persons of win-back campaigns by whether they were contacted first or held out, and those who never
-- bought before of campaigns to win customers: how many bought within the days after. Campaigns say what
-- they are for when they are published; of several reports the latest counts.
WITH
    -- CTEs of interactions --,
    -- CTEs of baskets --,
    aims AS
    (
        SELECT campaign::String AS campaign, argMax(purpose::String, (occurred_at, event_id)) AS aim
        FROM interactions FINAL
        WHERE realm = {realm:String} AND kind = 'campaign' AND type = 'campaign.published'
            AND NOT synthetic AND campaign != '' AND purpose != ''
            AND occurred_at < fromUnixTimestamp64Milli({until_ms:Int64}, 'UTC')
        GROUP BY campaign HAVING aim IN ('win_back', 'acquisition')
    ),
    chosen AS
    (
        SELECT i.profile AS profile, a.aim = 'acquisition' AS is_prospect, min(i.occurred_at) AS since,
            max(i.type = 'campaign.held_out') AS is_held_out
        FROM interacted AS i INNER JOIN aims AS a ON i.campaign = a.campaign
        WHERE i.type IN ('campaign.held_out', 'campaign.reached', 'message.sent', 'email.sent')
        GROUP BY profile, is_prospect
        HAVING since >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC')
            AND since + toIntervalDay({return_days:UInt16})
                <= fromUnixTimestamp64Milli({until_ms:Int64}, 'UTC')
    ),
    judged AS
    (
        SELECT profile, is_prospect, is_held_out, max(bought_before) AS bought_before, max(bought) AS bought
        FROM
        (
            SELECT c.profile AS profile, c.is_prospect AS is_prospect, c.is_held_out AS is_held_out,
                b.known AND b.at < c.since AS bought_before, b.known AND b.at >= c.since
                    AND b.at < c.since + toIntervalDay({return_days:UInt16}) AS bought
            FROM chosen AS c
            LEFT JOIN
            (
                SELECT profile, at, true AS known FROM baskets
                WHERE profile IN (SELECT profile FROM chosen)
            ) AS b ON c.profile = b.profile
        )
        GROUP BY profile, is_prospect, is_held_out
    )
SELECT is_prospect, is_held_out, count() AS persons, countIf(bought) AS bought
FROM judged WHERE bought_before != is_prospect GROUP BY is_prospect, is_held_out
