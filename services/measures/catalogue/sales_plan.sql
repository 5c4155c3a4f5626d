-- work --
-- What employees did in the window, and all together: contracts, visits, quotes, first talks. An
-- opportunity is its owner's, anything else is that of the agent.
WITH
    -- CTEs of interactions --,
    moved AS
    (
        SELECT profile, opportunity_id, argMax(owner::String, rank) AS owner, min(at) AS at, stage
        FROM
        (
            SELECT profile, opportunity_id, owner, occurred_at AS at,
                concat(toString(occurred_at), event_id) AS rank,
                transform(lowerUTF8(interactions_of.stage::String), {stages:Array(String)},
                    {stage_numbers:Array(UInt8)}, 0::UInt8) AS stage
            FROM interactions_of WHERE type = 'opportunity.changed'
        )
        WHERE stage IN (2, 3, 4) AND owner != '' GROUP BY profile, opportunity_id, stage
    ),
    done AS
    (
        SELECT owner, transform(stage, [2, 3, 4], ['first_calls', 'quotes', 'orders'], '') AS what,
            profile, at, opportunity_id AS id
        FROM moved
        UNION ALL
        SELECT agent::String, 'quotes', profile, occurred_at, concat('\0', quote_id)
        FROM interactions_of WHERE type = 'quote.sent' AND agent != ''
        UNION ALL
        SELECT agent::String, 'visits', profile, occurred_at, event_id
        FROM interactions_of WHERE type = 'store.visited' AND agent != ''
    )
SELECT if(grouping(owner), '', owner) AS owner, if(grouping(what), '', what) AS what,
    uniqExact(profile) AS persons,
    if(what = 'quotes', uniqExact(profile, owner), uniqExact(id, profile, owner)) AS many
FROM done WHERE at >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC')
GROUP BY GROUPING SETS ((owner, what), (what), ())
