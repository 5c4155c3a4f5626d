-- leads --
-- Persons without an order when the window begins, and when it ends, by the score of then, its grade
-- and its tenth; and who of the first bought in the window. Who did nothing that brings points and has
-- nothing that does is no lead.
WITH
    -- CTEs of interactions --,
    -- CTEs of touches --,
    -- CTEs of baskets --,
    moments AS
    (
        SELECT arrayJoin([0, 1]) AS is_past, fromUnixTimestamp64Milli(
            is_past ? {from_ms:Int64} : {until_ms:Int64}, 'UTC') AS as_of
    ),
    known AS
    (
        SELECT profile, at, name, value
        FROM
        (
            SELECT if(m.kind != '', m.profile, o.node) AS profile, o.at AS at, o.name AS name,
                o.value AS value, m.kind AS kind
            FROM
            (
                SELECT node, occurred_at AS at, attr.1 AS name, attr.3 ? attr.2 : '' AS value
                FROM observations FINAL
                ARRAY JOIN arrayZip(attrs.name, attrs.value, attrs.present) AS attr
                WHERE realm = {realm:String} AND NOT synthetic
                    AND (name = 'email' OR has({fit_names:Array(String)}, concat(name, '=', value)))
                    AND occurred_at < fromUnixTimestamp64Milli({until_ms:Int64}, 'UTC')
            ) AS o
            LEFT ANY JOIN
            (
                SELECT node, profile, kind::String AS kind FROM map FINAL
                WHERE realm = {realm:String}
            ) AS m ON o.node = m.node
        )
    ),
    traits AS
    (
        SELECT profile, concat(name, '=', value) AS trait, min(known.at) AS at FROM known
        WHERE name != 'email' GROUP BY profile, trait
        UNION ALL
        SELECT profile, concat('category=', category::String) AS trait, min(occurred_at)
        FROM interacted
        WHERE type = 'product.viewed' AND category != ''
            AND has({fit_names:Array(String)}, concat('category=', category::String))
        GROUP BY profile, trait
        UNION ALL
        SELECT if(m.kind != '', m.profile, g.node) AS profile, concat('role=', g.role) AS trait,
            min(g.at)
        FROM
        (
            SELECT node, occurred_at AS at, arrayJoin(member.roles)::String AS role
            FROM group_facts FINAL
            WHERE realm = {realm:String} AND NOT synthetic AND group_kind = 'account'
                AND occurred_at < fromUnixTimestamp64Milli({until_ms:Int64}, 'UTC')
        ) AS g
        LEFT ANY JOIN
        (
            SELECT node, profile, kind::String AS kind FROM map FINAL WHERE realm = {realm:String}
        ) AS m ON g.node = m.node
        WHERE has({fit_names:Array(String)}, trait)
        GROUP BY profile, trait
    ),
    fits AS
    (
        SELECT m.is_past AS is_past, t.profile AS profile, least({fit_max:UInt8}, sum(transform(
            t.trait, {fit_names:Array(String)}, {fit_points:Array(Float64)}, 0.))) AS points
        FROM (SELECT profile, trait, min(at) AS at FROM traits GROUP BY profile, trait) AS t
        CROSS JOIN moments AS m
        WHERE t.at < m.as_of GROUP BY is_past, profile
    ),
    rivals AS
    (
        SELECT profile, true AS is_rival FROM known
        WHERE name = 'email'
            AND has({competitors:Array(String)}, lower(splitByChar('@', value)[-1]))
        GROUP BY profile
    ),
    acts AS
    (
        SELECT m.is_past AS is_past, t.profile AS profile,
            least({behaviour_max:UInt8} * {million:UInt32}, sum(toInt64(round({million:UInt32}
                * transform(t.type, {act_types:Array(String)}, {act_points:Array(Float64)}, 0.)
                * exp2(-dateDiff('millisecond', t.at, m.as_of)
                    / (86400000 * {half_life_days:Float64})))))) / {million:UInt32} AS points,
            arraySum(one -> transform(one, {against_types:Array(String)},
                {against_points:Array(Float64)}, 0.), groupUniqArray(t.type)) AS against
        FROM touches AS t CROSS JOIN moments AS m
        WHERE t.at < m.as_of GROUP BY is_past, profile
    ),
    scored AS
    (
        SELECT is_past, profile, greatest(0., sum(points) - sum(against)
            - any(profile IN (SELECT profile FROM rivals)) * {competitor_points:Float64}) AS score
        FROM
        (
            SELECT is_past, profile, points, 0. AS against FROM fits
            UNION ALL
            SELECT is_past, profile, points, against FROM acts
        )
        GROUP BY is_past, profile
    ),
    bought AS (SELECT profile, min(at) AS first_at FROM baskets GROUP BY profile),
    ranked AS
    (
        SELECT s.is_past AS is_past, s.profile AS profile, s.score AS score,
            b.first_at >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC') AS is_won,
            count() OVER (PARTITION BY s.is_past) AS leads,
            1 + intDiv({tenths:UInt8} * (rank() OVER (PARTITION BY s.is_past ORDER BY s.score) - 1),
                leads) AS tenth_of
        FROM scored AS s LEFT JOIN bought AS b ON s.profile = b.profile
        WHERE b.first_at = toDateTime64(0, 3, 'UTC') OR s.is_past AND is_won
    )
SELECT is_past = 1 AS is_past, multiIf(score >= {a_from:UInt8}, 'A', score >= {b_from:UInt8}, 'B',
    'C') AS grade, tenth_of AS tenth, count() AS persons, countIf(is_past AND is_won) AS won
FROM ranked GROUP BY is_past, grade, tenth
