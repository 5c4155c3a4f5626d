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
    observed AS
    (
        SELECT node, event_id, occurred_at AS at, attr.1::String AS name,
            attr.3 ? attr.2 : '' AS value
        FROM observations FINAL
        ARRAY JOIN arrayZip(attrs.name, attrs.value, attrs.present) AS attr
        WHERE realm = {realm:String} AND NOT synthetic
            AND has({attributes:Array(String)}, name)
            AND occurred_at < fromUnixTimestamp64Milli({until_ms:Int64}, 'UTC')
    ),
    employed AS
    (
        SELECT node, occurred_at AS at, concat('role=', arrayJoin(member.roles)::String) AS trait
        FROM group_facts FINAL
        WHERE realm = {realm:String} AND NOT synthetic AND group_kind = 'account'
            AND occurred_at < fromUnixTimestamp64Milli({until_ms:Int64}, 'UTC')
            AND has({fit_names:Array(String)}, trait)
    ),
    named AS
    (
        SELECT v.node AS node, if(m.kind != '', m.profile, v.node) AS profile,
            v.is_of_rival AS is_of_rival
        FROM
        (
            SELECT node, type::String AS type, type = 'email'
                AND has({competitors:Array(String)}, lower(splitByChar('@', value)[-1])) AS is_of_rival
            FROM node_values FINAL
            WHERE realm = {realm:String} AND (is_of_rival OR node IN (SELECT node FROM observed)
                OR node IN (SELECT node FROM employed))
        ) AS v
        LEFT ANY JOIN
        (
            SELECT node, profile, kind::String AS kind FROM map FINAL WHERE realm = {realm:String}
        ) AS m ON v.node = m.node
        WHERE has({kinds:Array(String)}, multiIf(m.kind != '', m.kind, has(
            (SELECT groupArrayArray(personal_types) FROM realms FINAL WHERE realm = {realm:String}),
            v.type), 'person', 'anonymous'))
            -- only: if(m.kind != '', m.profile, v.node) --
    ),
    held AS
    (
        SELECT m.is_past AS is_past, n.profile AS profile, o.name AS name,
            argMax(o.value, (o.at, o.event_id)) AS latest
        FROM observed AS o INNER JOIN named AS n ON o.node = n.node CROSS JOIN moments AS m
        WHERE o.at < m.as_of GROUP BY is_past, profile, name
    ),
    traits AS
    (
        SELECT profile, concat('category=', category::String) AS trait, min(occurred_at) AS at
        FROM interacted
        WHERE type = 'product.viewed' AND category != ''
            AND has({fit_names:Array(String)}, concat('category=', category::String))
        GROUP BY profile, trait
        UNION ALL
        SELECT n.profile AS profile, e.trait AS trait, min(e.at)
        FROM employed AS e INNER JOIN named AS n ON e.node = n.node GROUP BY profile, trait
    ),
    fits AS
    (
        SELECT is_past, profile, least({fit_max:UInt8}, sum(transform(
            trait, {fit_names:Array(String)}, {fit_points:Array(Float64)}, 0.))) AS points
        FROM
        (
            SELECT is_past, profile, concat(name, '=', latest) AS trait FROM held
            WHERE has({fit_names:Array(String)}, trait)
            UNION DISTINCT
            SELECT m.is_past AS is_past, t.profile AS profile, t.trait AS trait
            FROM traits AS t CROSS JOIN moments AS m WHERE t.at < m.as_of
        )
        GROUP BY is_past, profile
    ),
    rivals AS
    (
        SELECT is_past, profile FROM held
        WHERE name = 'email'
            AND has({competitors:Array(String)}, lower(splitByChar('@', latest)[-1]))
        UNION DISTINCT
        SELECT m.is_past AS is_past, n.profile AS profile
        FROM named AS n CROSS JOIN moments AS m WHERE n.is_of_rival
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
            - any((is_past, profile) IN (SELECT is_past, profile FROM rivals)) * {competitor_points:Float64}) AS score
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
SELECT
    -- of each group --
    is_past = 1 AS is_past, multiIf(score >= {a_from:UInt8}, 'A', score >= {b_from:UInt8}, 'B',
    'C') AS grade, tenth_of AS tenth, count() AS persons, countIf(is_past AND is_won) AS won
FROM ranked
    -- of groups: ranked.profile --
GROUP BY is_past, grade, tenth
