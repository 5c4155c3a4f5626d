-- page --
-- A page of events, newest first. An event stored under two anchors of one profile is one entry:
-- always the smaller node's. Filters are applied to what counts, never inside: there they would
-- bring replaced rows back.
SELECT event_id, argMin(node, toString(node)), argMin(occurred_at, toString(node)) AS at FROM
(
    SELECT node, event_id, occurred_at, synthetic, type, channel FROM touchpoints
    WHERE realm = {realm:String} AND node IN {nodes:Array(UUID)}
    ORDER BY version DESC LIMIT 1 BY node, event_id
)
WHERE NOT synthetic GROUP BY event_id
HAVING ({is_first:Bool} OR (toUnixTimestamp64Milli(at), event_id) < ({ms:Int64}, {event:String}))
    AND toUnixTimestamp64Milli(at) >= {since:Int64} AND toUnixTimestamp64Milli(at) < {until:Int64}
    AND (empty({types:Array(String)}) OR has({types:Array(String)}, argMin(type, toString(node))))
    AND (empty({channels:Array(String)})
        OR has({channels:Array(String)}, argMin(channel, toString(node))))
ORDER BY at DESC, event_id DESC LIMIT {limit:UInt32}

-- events --
-- What the timeline shows of events.
SELECT event_id, node, channel, type, source_system, payload FROM touchpoints
WHERE realm = {realm:String} AND node IN {nodes:Array(UUID)} AND event_id IN {events:Array(String)}
ORDER BY version DESC LIMIT 1 BY node, event_id
