-- marks --
-- Who was marked by batches after one.
SELECT node, cause FROM segment_marks FINAL
WHERE realm = {realm:String} AND version > {after:UInt64} LIMIT {limit:UInt32}

-- timers_of --
-- When time alone may change something for some profiles.
SELECT node, segment, due_at FROM
(
    SELECT node, segment, due_at FROM segment_timers
    WHERE realm = {realm:String} AND segment IN {segments:Array(String)}
        AND node IN {nodes:Array(UUID)}
    ORDER BY version DESC LIMIT 1 BY segment, node
)
WHERE due_at > toDateTime64(0, 3)

-- timed --
-- Some profiles for which time alone may change something in a segment.
SELECT node FROM segment_timers FINAL
WHERE realm = {realm:String} AND segment = {segment:String} AND due_at > toDateTime64(0, 3)
ORDER BY node LIMIT {limit:UInt32}

-- leftover --
-- Those of some segments that have members or timers.
SELECT segment FROM memberships FINAL
WHERE realm = {realm:String} AND segment IN {segments:Array(String)} AND state = 'member'
UNION DISTINCT
SELECT segment FROM segment_timers FINAL
WHERE realm = {realm:String} AND segment IN {segments:Array(String)}
    AND due_at > toDateTime64(0, 3)

-- due --
-- The next profiles for which time alone may change something up to an instant.
SELECT node, groupArray(segment) FROM segment_timers FINAL
WHERE realm = {realm:String} AND due_at > toDateTime64(0, 3)
    AND due_at <= {now:DateTime64(3, 'UTC')} AND ({is_first:Bool} OR node > {after:UUID})
GROUP BY node ORDER BY node LIMIT {limit:UInt32}

-- changes_after --
-- A page of the changes of batches after one, without those of erasures.
SELECT segment, node, change, reason, at, tick, late, because, supersedes, sequence, definition,
    into_node
FROM segment_changes FINAL
WHERE realm = {realm:String} AND version > {batch:UInt64} AND reason != 'erased'
    AND ({is_first:Bool}
        OR (segment, node, sequence) > ({segment:String}, {node:UUID}, {sequence:UInt32}))
ORDER BY segment, node, sequence LIMIT {limit:UInt32}
