-- of_nodes --
-- What holds for these nodes whatever their events say: what erasures kept, each at its latest time;
-- and that somebody must not be processed.
SELECT node, action, purpose, channel, address, occurred_at FROM
(
    SELECT node, action, purpose, channel, address, occurred_at FROM kept_objections
    WHERE realm = {realm:String} AND node IN {nodes:Array(UUID)}
    ORDER BY occurred_at DESC LIMIT 1 BY node, action, purpose, channel, address
)
UNION ALL
SELECT node, 'suppressed', '', '', toUUID('00000000-0000-0000-0000-000000000000'), decided_at FROM
(
    SELECT node, decided_at, lifted FROM suppressions
    WHERE realm = {realm:String} AND node IN {nodes:Array(UUID)}
    ORDER BY decided_at DESC, lifted DESC LIMIT 1 BY node
)
WHERE NOT lifted
