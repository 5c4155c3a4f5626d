-- positions --
-- The positions noted for these partitions of these topics.
SELECT topic, partition, log, generation, last_offset FROM log_positions FINAL
WHERE topic IN {topics:Array(String)} AND partition IN {partitions:Array(UInt32)}
