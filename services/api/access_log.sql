-- entries --
-- Entries of a realm before a position, the latest first; a key that is empty takes all. An entry
-- that was sent twice may be there twice: FINAL or LIMIT BY would read the whole realm.
SELECT at, entry_id, realm, key_id, key_name, operation, purpose, profile_ids, count, request_id,
    status
FROM access_log
WHERE realm = {realm:String}
    AND at >= fromUnixTimestamp64Milli({since:Int64})
    AND at <= fromUnixTimestamp64Milli({before:Int64})
    AND (at, entry_id) < (fromUnixTimestamp64Milli({before:Int64}), {before_id:String})
    AND ({key:String} = '' OR key_id = {key:String})
ORDER BY at DESC, entry_id DESC LIMIT {limit:UInt32}

-- naming --
-- Times (Unix ms) and ids of entries that name one of these profiles, chosen in the same way.
SELECT toUnixTimestamp64Milli(at), entry_id FROM access_by_profile
WHERE realm = {realm:String} AND profile IN {profiles:Array(UUID)}
    AND at >= fromUnixTimestamp64Milli({since:Int64})
    AND at <= fromUnixTimestamp64Milli({before:Int64})
    AND (at, entry_id) < (fromUnixTimestamp64Milli({before:Int64}), {before_id:String})
    AND ({key:String} = '' OR key_id = {key:String})
ORDER BY at DESC, entry_id DESC LIMIT 1 BY at, entry_id LIMIT {limit:UInt32}

-- by_key --
-- Entries by time (Unix ms) and id, the latest first.
SELECT at, entry_id, realm, key_id, key_name, operation, purpose, profile_ids, count, request_id,
    status
FROM access_log
WHERE realm = {realm:String}
    AND at IN (SELECT fromUnixTimestamp64Milli(arrayJoin({times:Array(Int64)})))
    AND entry_id IN {ids:Array(String)}
ORDER BY at DESC, entry_id DESC LIMIT 1 BY at, entry_id
