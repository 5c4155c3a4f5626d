-- stored --
-- Of which type those of these events are that are stored, and when they happened (Unix milliseconds).
SELECT event_id, type, toUnixTimestamp64Milli(occurred_at) FROM touchpoints FINAL
WHERE realm = {realm:String} AND (node, event_id) IN (
    SELECT node, event_id FROM event_ids
    WHERE realm = {realm:String} AND event_hash IN {hashes:Array(UInt64)}
        AND event_id IN {events:Array(String)})
