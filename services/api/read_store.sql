-- by_value --
-- Issuers and nodes of identifiers with this value; two are enough to call it ambiguous. Rows of one
-- node are equal, so they need no FINAL, which would read all columns of the realm.
SELECT DISTINCT issuer, node FROM node_values
WHERE realm = {realm:String} AND type = {type:String} AND value = {value:String} LIMIT 2

-- events --
-- Stored events in the order of their times, after a position; filters that are empty take all.
SELECT event_id, occurred_at, channel, type, source_system, payload FROM touchpoints FINAL
WHERE realm = {realm:String}
    AND ({type:String} = '' OR type = {type:String})
    AND ({channel:String} = '' OR channel = {channel:String})
    AND occurred_at >= fromUnixTimestamp64Milli({since:Int64})
    AND (occurred_at, event_id) > (fromUnixTimestamp64Milli({after:Int64}), {after_id:String})
ORDER BY occurred_at, event_id LIMIT {limit:UInt32}

-- latest_events --
-- The latest stored events; filters that are empty take all.
SELECT event_id, occurred_at, channel, type, source_system, payload FROM touchpoints FINAL
WHERE realm = {realm:String}
    AND ({type:String} = '' OR type = {type:String})
    AND ({channel:String} = '' OR channel = {channel:String})
    AND occurred_at >= fromUnixTimestamp64Milli({since:Int64})
ORDER BY occurred_at DESC, event_id DESC LIMIT {limit:UInt32}

-- events_by_day --
-- Number of events by channel and day of a time zone, without synthetic ones.
SELECT channel, toDate(occurred_at, {zone:String}) AS day, count() FROM touchpoints FINAL
WHERE realm = {realm:String} AND NOT synthetic AND occurred_at >= fromUnixTimestamp64Milli({since:Int64})
GROUP BY channel, day ORDER BY day DESC, channel

-- health --
-- The clock of the store, the latest receipt, and the channels that any event came from.
SELECT now64(3, 'UTC'), max(received_at), count(), arraySort(groupUniqArray(channel))
FROM touchpoints
