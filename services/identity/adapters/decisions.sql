-- page --
-- Decisions of a realm after a place, the latest first. A node and a verdict of '' are any.
SELECT a, a_type, a_issuer, b, b_type, b_issuer, verdict, author, reason, decided_at
FROM decisions FINAL
WHERE realm = {realm:String}
    AND ({verdict:String} = '' OR verdict = {verdict:String})
    AND ({node:String} = '' OR toString(a) = {node:String} OR toString(b) = {node:String})
    AND ({is_first:Bool}
        OR (-toUnixTimestamp64Milli(decided_at), toString(a), toString(b))
            > (-{decided_ms:Int64}, {a:String}, {b:String}))
ORDER BY decided_at DESC, toString(a), toString(b) LIMIT {limit:UInt32}
