-- latest --
-- The latest times of every channel of every realm.
SELECT realm, channel, max(occurred_at), max(received_at) FROM watermarks GROUP BY realm, channel

-- clock --
-- The store's clock.
SELECT now64(3, 'UTC')
