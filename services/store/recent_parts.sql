-- active --
-- The parts of a table that queries read now.
SELECT name FROM system.parts
WHERE database = currentDatabase() AND table = {table:String} AND active
