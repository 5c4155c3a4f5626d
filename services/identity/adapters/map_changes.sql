-- highest_batch --
-- The highest batch in each of these parts of the facts.
SELECT _part, max(batch) FROM touchpoints WHERE _part IN {parts:Array(String)} GROUP BY _part

-- latest_batch --
-- The highest batch up to one, in these parts of the facts; 0 if there is none.
SELECT max(batch) FROM touchpoints
WHERE _part IN {parts:Array(String)} AND batch <= {until:UInt64}

-- touches_by_batch --
-- How many events of each batch say something of attributes or consents, the lowest batch first.
SELECT batch, count() FROM touchpoints
WHERE _part IN {parts:Array(String)} AND batch > {after:UInt64} AND batch <= {until:UInt64}
    AND (notEmpty(attrs.name) OR notEmpty(consents.action) OR bitShiftRight(version, 32) > 0)
GROUP BY batch ORDER BY batch LIMIT {rows:UInt32}

-- touches --
-- Anchors of events that say something of attributes or consents. A corrected event may have lost
-- either, so its former anchors are touched in both.
WITH
    {after:UInt64} AS behind, {until:UInt64} AS last,
    corrected AS
    (
        SELECT realm, event_hash, event_id, any(node) AS anchor, max(batch) AS last_batch
        FROM touchpoints
        WHERE _part IN {parts:Array(String)} AND batch > behind AND batch <= last
            AND bitShiftRight(version, 32) > 0
        GROUP BY realm, event_hash, event_id
    )
SELECT realm, node, batch, max(notEmpty(attrs.name)), max(notEmpty(consents.action))
FROM touchpoints
WHERE _part IN {parts:Array(String)} AND batch > behind AND batch <= last
    AND (notEmpty(attrs.name) OR notEmpty(consents.action))
GROUP BY realm, node, batch
UNION ALL
SELECT known.realm, known.node, corrected.last_batch, 1, 1
FROM (
    SELECT realm, event_hash, event_id, node FROM event_ids
    WHERE (realm, event_hash, event_id) IN (SELECT realm, event_hash, event_id FROM corrected)
) AS known
INNER JOIN corrected USING (realm, event_hash, event_id)
WHERE known.node != corrected.anchor

-- highest_edge --
-- The highest version in each of these parts of the edges.
SELECT _part, max(batch) FROM edges WHERE _part IN {parts:Array(String)} GROUP BY _part

-- edges --
-- Verified edges that versions wrote.
SELECT realm, a, a_type, a_issuer, b, b_type, b_issuer, first_seen, event_id, verified, batch
FROM edges
WHERE _part IN {parts:Array(String)} AND batch > {after:UInt64} AND batch <= {until:UInt64}
    AND verified
ORDER BY batch DESC, _block_number DESC LIMIT 1 BY realm, a, b

-- known_since --
-- The lowest version of a verified edge of each of these nodes.
SELECT node, min(batch) FROM
(
    SELECT a AS node, batch FROM edges
    WHERE realm = {realm:String} AND a IN {nodes:Array(UUID)} AND verified
    UNION ALL
    SELECT b AS node, batch FROM edges_reversed
    WHERE realm = {realm:String} AND b IN {nodes:Array(UUID)} AND verified
)
GROUP BY node
