-- happened --
-- What happened in these events, of those that are stored under these nodes.
SELECT node, event_id, type, channel, source_store, source_system,
    if(type = 'identity.linked', JSONExtractString(payload, 'body', 'reason'), '') AS reason
FROM touchpoints FINAL
WHERE realm = {realm:String} AND node IN {nodes:Array(UUID)} AND event_id IN {events:Array(String)}
