-- rejected --
-- Rejected lines by reason and prefix of their id, the latest first; an empty parameter means any.
SELECT reject_id, reason, path, message, event_id, received_at, raw_bytes,
    if({with_raw:Bool}, raw, '') FROM rejected FINAL
WHERE ({reason:String} = '' OR reason = {reason:String})
    AND ({id:String} = '' OR startsWith(toString(reject_id), {id:String}))
ORDER BY received_at DESC, reject_id LIMIT {limit:UInt32}

-- lines --
-- The bytes of rejected lines by id, a page after the id `after`; an empty parameter means any.
-- Lines that are not allowed came with a public key, also where that was not yet recorded.
SELECT toString(reject_id) AS id, reason, raw_bytes, base64Encode(raw),
    is_public OR reason = 'not_allowed'
FROM rejected FINAL
WHERE ({reason:String} = '' OR reason = {reason:String})
    AND toUnixTimestamp64Milli(received_at) >= {since_ms:Int64}
    AND (empty({ids:Array(String)}) OR has({ids:Array(String)}, toString(reject_id)))
    AND toString(reject_id) > {after:String}
ORDER BY id LIMIT {limit:UInt32}

-- counts --
-- Rejected lines by reason.
SELECT reason, count() FROM rejected FINAL GROUP BY reason ORDER BY reason

-- twice --
-- Events stored under several anchors, with the one to keep: of the highest version, then the smallest.
SELECT realm, event_id,
    argMin(toString(node), (0xFFFFFFFFFFFFFFFF - version, toString(node))) AS kept,
    groupUniqArray(toString(node)) AS nodes
FROM event_ids GROUP BY realm, event_id HAVING uniqExact(node) > 1 ORDER BY realm, event_id
