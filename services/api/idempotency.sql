-- found --
-- The answer to a request that came before under this key, not before a time (Unix ms).
SELECT request_hash, status, body FROM idempotency FINAL
WHERE realm = {realm:String} AND key_id = {key:String} AND idempotency_key = {idempotency:String}
    AND at >= fromUnixTimestamp64Milli({since:Int64})
