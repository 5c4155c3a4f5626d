-- preferences --
-- Persons by the channel that they prefer: for everything and for buying, service and information. A
-- touchpoint counts one half for every 90 days of age; a stated preference wins. The part of the
-- preferred channel is in millionths, so that it adds up to the same in any order.
WITH
    -- CTEs of touches --,
    seen AS
    (
        SELECT profile, channel, arrayJoin(['all', multiIf(
                has({buying_types:Array(String)}, type), 'buying',
                has({service_types:Array(String)}, type), 'service', 'information')]) AS purpose,
            toUInt64(round(1e6 * exp2(-({until_ms:Int64} - toUnixTimestamp64Milli(at))
                / (86400000 * {half_life_days:UInt16})))) AS weight
        FROM touches WHERE at >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC')
    ),
    by_channel AS
    (
        SELECT profile, purpose, channel, sum(weight) AS weight, count() AS touchpoints
        FROM seen GROUP BY profile, purpose, channel
    ),
    shown AS
    (
        SELECT profile, purpose, argMin(channel, (-toInt64(weight), channel)) AS preferred,
            sum(touchpoints) AS touchpoints, max(weight) AS most,
            intDiv(1000000 * most, sum(weight)) AS part
        FROM by_channel GROUP BY profile, purpose HAVING sum(weight) > 0
    ),
    wishes AS
    (
        SELECT profile, argMax(value, (at, value)) AS wish
        FROM
        (
            SELECT if(m.kind != '', m.profile, o.node) AS profile, o.at AS at, o.value AS value
            FROM
            (
                SELECT node, occurred_at AS at, attr.1 AS name, attr.3 ? attr.2 : '' AS value
                FROM observations FINAL
                ARRAY JOIN arrayZip(attrs.name, attrs.value, attrs.present) AS attr
                WHERE realm = {realm:String} AND NOT synthetic AND name = 'preference.channel'
                    AND occurred_at < fromUnixTimestamp64Milli({until_ms:Int64}, 'UTC')
            ) AS o
            LEFT ANY JOIN
            (
                SELECT node, profile, kind::String AS kind FROM map FINAL
                WHERE realm = {realm:String}
            ) AS m ON o.node = m.node
        )
        GROUP BY profile HAVING wish != ''
    )
SELECT purpose, if(s.touchpoints >= {touchpoints_min:UInt8} OR is_stated, channel_of, '') AS channel,
    is_stated, count() AS persons, sum(s.part) AS millionths
FROM
(
    SELECT s.*, s.purpose = 'all' AND w.wish != '' AS is_stated,
        if(is_stated, w.wish, s.preferred) AS channel_of
    FROM shown AS s LEFT JOIN wishes AS w ON s.profile = w.profile
) AS s
GROUP BY purpose, channel, is_stated
