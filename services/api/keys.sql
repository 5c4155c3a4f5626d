-- all --
-- Every key that was ever created, the latest row of each.
SELECT key_id, name, realm, scopes, secret_hash, rate_per_s, replaces, created_at, created_by,
    expires_at, revoked_at, version
FROM api_keys FINAL ORDER BY created_at, key_id

-- working --
-- The keys that work at a time (Unix ms): neither revoked nor expired.
SELECT key_id, name, realm, scopes, secret_hash, rate_per_s, replaces, created_at, created_by,
    expires_at, revoked_at, version
FROM api_keys FINAL
WHERE revoked_at = fromUnixTimestamp64Milli(0)
    AND (expires_at = fromUnixTimestamp64Milli(0)
        OR expires_at > fromUnixTimestamp64Milli({now:Int64}))
ORDER BY created_at, key_id
