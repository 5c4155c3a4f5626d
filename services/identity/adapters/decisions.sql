-- page --
-- Decisions of a realm after a place, the latest first; no nodes are any, so is a verdict of ''.
SELECT a, a_type, a_issuer, b, b_type, b_issuer, verdict, author, reason, decided_at
FROM decisions FINAL
WHERE realm = {realm:String}
    AND ({verdict:String} = '' OR verdict = {verdict:String})
    AND (empty({nodes:Array(UUID)}) OR a IN {nodes:Array(UUID)} OR b IN {nodes:Array(UUID)})
    AND ({is_first:Bool}
        OR (-toUnixTimestamp64Milli(decided_at), toString(a), toString(b))
            > (-{decided_ms:Int64}, {a:String}, {b:String}))
ORDER BY decided_at DESC, toString(a), toString(b) LIMIT {limit:UInt32}
