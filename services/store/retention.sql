-- now --
-- The store's clock, in Unix milliseconds.
SELECT toUnixTimestamp64Milli(now64(3))

-- older --
-- How many rows of a table are from before a time (Unix milliseconds).
SELECT count() FROM {table:Identifier}
WHERE {column:Identifier} < fromUnixTimestamp64Milli({before:Int64})

-- older_events --
-- How many events of a type happened before a time (Unix milliseconds).
SELECT count() FROM touchpoints FINAL
WHERE type = {type:String} AND occurred_at < fromUnixTimestamp64Milli({before:Int64})

-- remove --
-- Removes them physically, part by part; returns at once. What has begun survives a restart.
ALTER TABLE {table:Identifier}
DELETE WHERE {column:Identifier} < fromUnixTimestamp64Milli({before:Int64})
SETTINGS mutations_sync = 0

-- unfinished --
-- How many changes of a table's parts have not reached every part.
SELECT count() FROM system.mutations
WHERE database = currentDatabase() AND table = {table:String} AND NOT is_done
