-- columns --
-- Names and types of the columns of a table.
SELECT name, type FROM system.columns
WHERE database = currentDatabase() AND table = {table:String}

-- ping --
-- Whether there is an answer.
SELECT 1
