-- of_nodes --
-- What holds for these nodes although the events that said so were erased, each at its latest time.
SELECT node, action, purpose, channel, address, occurred_at FROM kept_objections
WHERE realm = {realm:String} AND node IN {nodes:Array(UUID)}
ORDER BY occurred_at DESC LIMIT 1 BY node, action, purpose, channel, address
