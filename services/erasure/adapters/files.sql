-- left_behind --
-- Parts of tables that are replaced and still on the disk.
SELECT table, name FROM system.parts
WHERE database = currentDatabase() AND NOT active AND table IN {tables:Array(String)}

-- overdue --
-- Tables with parts that were replaced that long ago. A replicated table has a thread of its own for them, and
-- would write this statement to its log.
SELECT DISTINCT table FROM system.parts
WHERE database = currentDatabase() AND NOT active AND table IN {tables:Array(String)}
    AND NOT startsWith(engine, 'Replicated') AND remove_time < now() - {seconds:UInt32}

-- clean_up --
-- Drops nothing, for there is no such partition, and takes replaced parts of the table off the disk once
-- they are old enough.
ALTER TABLE {table:Identifier} DROP PARTITION ID 'none'
