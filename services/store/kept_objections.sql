-- of_nodes --
-- What erasures kept for these nodes; and the steps by which somebody must not be processed, lifted or not. Read
-- plainly: there are few rows, as a rule none, and to look for the latest of each takes longer than to read them.
SELECT node, action, purpose, channel, address, occurred_at, false AS lifted FROM kept_objections
WHERE realm = {realm:String} AND node IN {nodes:Array(UUID)}
UNION ALL
SELECT node, 'suppressed', '', '', toUUID('00000000-0000-0000-0000-000000000000'), decided_at, lifted
FROM suppressions WHERE realm = {realm:String} AND node IN {nodes:Array(UUID)}
