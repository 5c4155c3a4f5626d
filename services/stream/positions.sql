-- position --
-- The position noted for a partition.
SELECT log, generation, last_offset FROM log_positions FINAL
WHERE topic = {topic:String} AND partition = {partition:UInt32}
