-- watermarks --
-- The latest times of every channel of every realm, of events that are processed.
SELECT realm, channel, max(occurred_at), max(received_at) FROM watermarks
GROUP BY realm, channel ORDER BY realm, channel

-- stored --
-- Where events of these ids are stored, and the batch that wrote each; the latest body first.
SELECT event_id, node, batch FROM event_ids
WHERE realm = {realm:String} AND event_hash IN {hashes:Array(UInt64)}
    AND event_id IN {ids:Array(String)}
ORDER BY version DESC

-- checkpoint --
-- The last batch of the embedded engine that is processed to the end; 0 if there is none.
SELECT max(batch) FROM checkpoints

-- line --
-- An event as it was sent, and how it came in.
SELECT payload, received_at, intake FROM touchpoints
WHERE realm = {realm:String} AND node = {node:UUID} AND event_id = {event_id:String}
ORDER BY version DESC LIMIT 1
