-- now --
-- The store's clock, in Unix milliseconds.
SELECT toUnixTimestamp64Milli(now64(3))

-- older --
-- How many rows of a table are from before a time (Unix milliseconds).
SELECT count() FROM {table:Identifier}
WHERE {column:Identifier} < fromUnixTimestamp64Milli({before:Int64})

-- remove --
-- Removes them physically; returns when they are gone from every part.
ALTER TABLE {table:Identifier}
DELETE WHERE {column:Identifier} < fromUnixTimestamp64Milli({before:Int64})
SETTINGS mutations_sync = 1
