-- page --
-- A page of rejected lines that a realm may see, the latest first; of one id if it is given. Where
-- there is only one realm, lines that name none that is configured are its own. What a key of
-- another realm sent is no realm's.
SELECT toString(reject_id) AS id, reason, path, message, event_id, received_at, raw_bytes,
    if({with_raw:Bool}, raw, '') FROM rejected FINAL
WHERE ({reason:String} = '' OR reason = {reason:String}) AND ({id:String} = '' OR id = {id:String})
    AND if({alone:Bool},
        named_realm IN ({realm:String}, '') OR NOT has({realms:Array(String)}, named_realm),
        named_realm = {realm:String} AND reason != 'other_realm')
    AND ({is_first:Bool} OR toUnixTimestamp64Milli(received_at) < {ms:Int64}
        OR toUnixTimestamp64Milli(received_at) = {ms:Int64} AND id > {after:String})
ORDER BY received_at DESC, id LIMIT {limit:UInt32}

-- counts --
-- Rejected lines that a realm may see, by reason.
SELECT reason, count() FROM rejected FINAL
WHERE if({alone:Bool},
    named_realm IN ({realm:String}, '') OR NOT has({realms:Array(String)}, named_realm),
    named_realm = {realm:String} AND reason != 'other_realm')
GROUP BY reason ORDER BY reason
