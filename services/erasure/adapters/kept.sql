-- refusals --
-- What these nodes, and some events of others, say against contact, with the node of each. Of a
-- corrected event the body that counts decides.
SELECT node, action, purpose, channel, address, occurred_at FROM consents FINAL
ARRAY JOIN consents.action AS action, consents.purpose AS purpose, consents.channel AS channel,
    consents.address AS address
WHERE realm = {realm:String} AND NOT synthetic AND action IN {actions:Array(String)}
    AND (node IN {nodes:Array(UUID)}
        OR node IN {others:Array(UUID)} AND cityHash64(event_id) IN {events:Array(UInt64)})
