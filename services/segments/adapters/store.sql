-- definitions --
-- The definition of each segment of a realm that is in force. One without a body was removed.
SELECT segment, number, applied_at, body FROM
(
    SELECT segment, number, applied_at, body FROM segment_definitions
    WHERE realm = {realm:String}
    ORDER BY number DESC, applied_at DESC LIMIT 1 BY segment
)
WHERE body != ''

-- numbers --
-- The highest number of each segment of a realm, removed or not.
SELECT segment, max(number) FROM segment_definitions WHERE realm = {realm:String} GROUP BY segment

-- memberships --
-- A page of the memberships of a segment, by profile.
SELECT node, state, since, because, definition, sequence FROM memberships FINAL
WHERE realm = {realm:String} AND segment = {segment:String}
    AND ({state:String} = '' OR state = {state:String}) AND ({is_first:Bool} OR node > {after:UUID})
ORDER BY node LIMIT {limit:UInt32}

-- sizes --
-- How many members each segment of a realm has.
SELECT segment, count() FROM memberships FINAL
WHERE realm = {realm:String} AND state = 'member' GROUP BY segment

-- stored --
-- The memberships of some profiles in some segments.
SELECT segment, node, state, since, because, definition, sequence FROM memberships
WHERE realm = {realm:String} AND segment IN {segments:Array(String)} AND node IN {nodes:Array(UUID)}
ORDER BY version DESC LIMIT 1 BY segment, node

-- evaluated --
-- The last tick of a realm that was evaluated as a whole, and its batch.
SELECT tick, version FROM segment_ticks FINAL WHERE realm = {realm:String}
