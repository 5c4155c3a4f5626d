-- left_behind --
-- Parts of tables that are replaced and still on the disk.
SELECT table, name FROM system.parts
WHERE database = currentDatabase() AND NOT active AND table IN {tables:Array(String)}
