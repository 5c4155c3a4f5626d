-- of_nodes --
-- The suppressions of these nodes: the latest step of each that is not lifted.
SELECT DISTINCT suppression_id FROM
(
    SELECT node, suppression_id, lifted FROM suppressions
    WHERE realm = {realm:String} AND node IN {nodes:Array(UUID)}
    ORDER BY decided_at DESC, lifted DESC LIMIT 1 BY node
)
WHERE NOT lifted

-- in_force --
-- The suppressions of a realm that are in force, with their nodes; all, or some.
SELECT suppression_id, groupArray(node), any(author), any(reason), max(decided_at) FROM
(
    SELECT node, suppression_id, author, reason, decided_at, lifted FROM suppressions
    WHERE realm = {realm:String}
    ORDER BY decided_at DESC, lifted DESC LIMIT 1 BY node
)
WHERE NOT lifted AND ({is_any:Bool} OR suppression_id IN {ids:Array(String)})
GROUP BY suppression_id ORDER BY max(decided_at), suppression_id

-- latest --
-- The time of the latest step of a realm; 1970 if there is none.
SELECT max(decided_at) FROM suppressions WHERE realm = {realm:String}
