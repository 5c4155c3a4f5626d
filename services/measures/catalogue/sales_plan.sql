-- work --
-- What employees did in the window, and all together: contracts, visits, quotes, first talks. An
-- opportunity is its owner's, anything else is that of the agent.
WITH
    -- CTEs of interactions --,
    staged AS
    (
        SELECT profile, opportunity_id, owner::String AS in_charge, occurred_at AS moved_at,
            concat(toString(occurred_at), event_id) AS rank,
            transform(lowerUTF8(stage::String), {stages:Array(String)},
                {stage_numbers:Array(UInt8)}, 0::UInt8) AS number
        FROM interacted WHERE type = 'opportunity.changed' AND owner != ''
    ),
    done AS
    (
        SELECT argMin(in_charge, rank) AS employee,
            transform(number, [2, 3, 4], ['first_calls', 'quotes', 'orders'], '') AS kind_of_work,
            profile, min(moved_at) AS at, opportunity_id AS id
        FROM staged WHERE number > 1 GROUP BY profile, opportunity_id, number
        UNION ALL
        SELECT agent::String, 'quotes', profile, occurred_at, ''
        FROM interacted WHERE type = 'quote.sent' AND agent != ''
        UNION ALL
        SELECT agent::String, 'visits', profile, occurred_at, event_id
        FROM interacted WHERE type = 'store.visited' AND agent != ''
    )
SELECT employee AS owner, kind_of_work AS what, uniqExact(profile) AS persons,
    uniqExact(profile, employee, kind_of_work = 'quotes' ? '' : id) AS many
FROM done WHERE at >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC')
GROUP BY GROUPING SETS ((employee, kind_of_work), (kind_of_work), ())
