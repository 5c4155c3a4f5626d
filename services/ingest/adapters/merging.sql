-- tables --
-- The tables of the engine: how many parts each has, whether it was written lately, and whether its
-- parts are merged by level. Inner tables of views are left out.
SELECT name, counted.active_now, counted.is_written, position(engine_full, 'merge_selector_algorithm = \'Trivial\'') > 0
FROM system.tables
LEFT JOIN
(
    SELECT table, count() AS active_now, max(modification_time) > now() - {lately_s:UInt32} AS is_written
    FROM system.parts WHERE database = currentDatabase() AND active GROUP BY table
) AS counted ON name = counted.table
WHERE database = currentDatabase() AND engine LIKE '%MergeTree' AND NOT startsWith(name, '.')
ORDER BY name

-- room --
-- Bytes that are free on the fullest disk.
SELECT min(free_space) FROM system.disks

-- by_level --
-- Merges ten parts that were merged equally often, whatever their size.
ALTER TABLE {table:Identifier} MODIFY SETTING merge_selector_algorithm = 'Trivial'

-- by_size --
-- Merges as the engine does by default.
ALTER TABLE {table:Identifier} MODIFY SETTING merge_selector_algorithm = 'Simple'
