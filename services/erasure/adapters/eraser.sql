-- touched --
-- The other ends of the edges and decisions of these nodes: with their types, and whether a verified
-- edge reaches them.
SELECT other, any(type), max(verified) FROM
(
    SELECT b AS other, b_type AS type, verified FROM edges FINAL
    WHERE realm = {realm:String} AND a IN {nodes:Array(UUID)} AND verified
    UNION ALL
    SELECT a AS other, a_type AS type, verified FROM edges_reversed FINAL
    WHERE realm = {realm:String} AND b IN {nodes:Array(UUID)} AND verified
    UNION ALL
    SELECT b AS other, b_type AS type, false FROM decisions FINAL
    WHERE realm = {realm:String} AND a IN {nodes:Array(UUID)}
    UNION ALL
    SELECT a AS other, a_type AS type, false FROM decisions FINAL
    WHERE realm = {realm:String} AND b IN {nodes:Array(UUID)}
)
WHERE other NOT IN {nodes:Array(UUID)} GROUP BY other ORDER BY other

-- last_named --
-- When each of these nodes was last named, in event time (Unix milliseconds), by their events and
-- some of others. What came with a public key does not count: whoever has the page may name anybody,
-- at a time ahead of ours.
SELECT named, toUnixTimestamp64Milli(max(occurred_at)) FROM
(
    SELECT arrayJoin(arrayPushBack(ids.node, node)) AS named, occurred_at FROM touchpoints
    WHERE realm = {realm:String} AND intake != 'public' AND (node IN {nodes:Array(UUID)}
        OR node IN {others:Array(UUID)} AND cityHash64(event_id) IN {events:Array(UInt64)})
)
WHERE named IN {nodes:Array(UUID)} GROUP BY named

-- begun --
-- Erasures that were begun and are not at their end, the earliest first.
SELECT realm, erasure_id, nodes, stated, unnamed, touched, marked, toUnixTimestamp64Milli(erased_at), counts,
    pseudonym_key
FROM erasure_runs FINAL WHERE stage < 2 AND (empty({id:String}) OR erasure_id = {id:String})
ORDER BY erased_at, erasure_id

-- cases --
-- Hashes of the cases that only these nodes, and these events of others, spoke of.
SELECT cityHash64(subject) FROM statements
WHERE realm = {realm:String} AND subject_type = 'case'
GROUP BY subject HAVING min(node IN {nodes:Array(UUID)}
    OR node IN {others:Array(UUID)} AND cityHash64(event_id) IN {events:Array(UInt64)})

-- speaking --
-- Incidents about something else whose body has one of these ids as evidence, or one of these texts.
SELECT realm, kind, subject_type, subject, incident_id, state, since, body, version
FROM incident_states FINAL
WHERE realm = {realm:String} AND (arrayExists(
    id -> id IN {events:Array(String)},
    arrayFlatten(JSONExtract(body, 'evidence', 'Array(Array(String))')))
    OR arrayExists(text -> positionCaseInsensitiveUTF8(body, text) > 0, {texts:Array(String)}))

-- answers --
-- Hashes of the keys, and texts, of kept answers with one of these event ids as a string, or with one
-- of these texts or runs of digits. More than name the person.
WITH decodeURLComponent(replaceRegexpAll(body, '\\\\u00([0-7][0-9a-fA-F])', '%\\1')) AS plain,
    text -> replaceRegexpAll(replaceRegexpAll(text, '\\\\u[0-9a-fA-F]{4}', ''), '[^0-9]+', '')
        AS dialled
SELECT cityHash64(idempotency_key), body FROM idempotency
WHERE realm = {realm:String}
    AND (hasAny(extractAll(body, '"([^"]*)"'), {events:Array(String)})
        OR arrayExists(text -> positionCaseInsensitiveUTF8(body, text) > 0
            OR positionCaseInsensitiveUTF8(plain, text) > 0, {texts:Array(String)})
        OR notEmpty({digits:Array(String)}) AND (
            multiSearchAny(dialled(body), {digits:Array(String)})
            OR multiSearchAny(dialled(plain), {digits:Array(String)})))

-- count_nodes --
-- How many rows of a table have one of these nodes.
SELECT count() FROM {table:Identifier}
WHERE realm = {realm:String} AND node IN {nodes:Array(UUID)}

-- delete_nodes --
-- Removes them.
ALTER TABLE {table:Identifier} DELETE
-- WHERE of count_nodes --

-- count_changes --
-- How many changes of memberships of these nodes there are, without those that an erasure made.
SELECT count() FROM {table:Identifier}
WHERE realm = {realm:String} AND node IN {nodes:Array(UUID)} AND reason != 'erased'

-- delete_changes --
-- Removes them.
ALTER TABLE {table:Identifier} DELETE
-- WHERE of count_changes --

-- count_events --
-- How many rows of a table are of these nodes, or of some events of others.
SELECT count() FROM {table:Identifier}
WHERE realm = {realm:String} AND (node IN {nodes:Array(UUID)}
    OR node IN {others:Array(UUID)} AND cityHash64(event_id) IN {events:Array(UInt64)})

-- delete_events --
-- Removes them.
ALTER TABLE {table:Identifier} DELETE
-- WHERE of count_events --

-- count_event_ids --
-- How many rows of a table rest on events of these nodes, or on some events of others.
SELECT count() FROM {table:Identifier}
WHERE realm = {realm:String} AND event_id IN (
    SELECT event_id FROM touchpoints
    WHERE realm = {realm:String} AND (node IN {nodes:Array(UUID)}
        OR node IN {others:Array(UUID)} AND cityHash64(event_id) IN {events:Array(UInt64)}))

-- delete_event_ids --
-- Removes them. To be done while the events are still there.
ALTER TABLE {table:Identifier} DELETE
-- WHERE of count_event_ids --

-- versioned --
-- Those of some tables whose rows have the version of their body.
SELECT table FROM system.columns
WHERE database = currentDatabase() AND name = 'version' AND table IN {tables:Array(String)}

-- count_former --
-- How many rows of a table are of bodies of these events that do not count any more.
SELECT count() FROM {table:Identifier}
WHERE realm = {realm:String} AND node IN {nodes:Array(UUID)}
    AND cityHash64(event_id) IN {events:Array(UInt64)}
    AND arrayExists((event, counting) -> event = cityHash64(event_id) AND version < counting,
        {events:Array(UInt64)}, {versions:Array(UInt64)})

-- delete_former --
-- Removes them.
ALTER TABLE {table:Identifier} DELETE
-- WHERE of count_former --

-- other_bodies --
-- Hashes of the ids, versions and texts of bodies under the id of another event, with one of these
-- texts or runs of digits. More than name the person.
WITH decodeURLComponent(replaceRegexpAll(payload, '\\\\u00([0-7][0-9a-fA-F])', '%\\1')) AS plain,
    text -> replaceRegexpAll(replaceRegexpAll(text, '\\\\u[0-9a-fA-F]{4}', ''), '[^0-9]+', '')
        AS dialled
SELECT cityHash64(event_id), version, payload FROM id_conflicts FINAL
WHERE realm = {realm:String}
    AND (arrayExists(text -> positionCaseInsensitiveUTF8(payload, text) > 0
            OR positionCaseInsensitiveUTF8(plain, text) > 0, {texts:Array(String)})
        OR notEmpty({digits:Array(String)}) AND (
            multiSearchAny(dialled(payload), {digits:Array(String)})
            OR multiSearchAny(dialled(plain), {digits:Array(String)})))

-- count_bodies --
-- How many rows of these bodies there are.
SELECT count() FROM {table:Identifier}
WHERE realm = {realm:String}
    AND cityHash64(event_id) IN {events:Array(UInt64)}
    AND has(arrayZip({events:Array(UInt64)}, {versions:Array(UInt64)}),
        (cityHash64(event_id), version))

-- delete_bodies --
-- Removes them.
ALTER TABLE {table:Identifier} DELETE
-- WHERE of count_bodies --

-- count_pairs --
-- How many rows of a table have one of these nodes at an end.
SELECT count() FROM {table:Identifier}
WHERE realm = {realm:String} AND (a IN {nodes:Array(UUID)} OR b IN {nodes:Array(UUID)})

-- delete_pairs --
-- Removes them.
ALTER TABLE {table:Identifier} DELETE
-- WHERE of count_pairs --

-- count_suggestions --
-- How many suggestions of a table are about one of these nodes.
SELECT count() FROM {table:Identifier}
WHERE realm = {realm:String} AND (node IN {nodes:Array(UUID)} OR other_node IN {nodes:Array(UUID)})

-- delete_suggestions --
-- Removes them.
ALTER TABLE {table:Identifier} DELETE
-- WHERE of count_suggestions --

-- count_subjects --
-- How many rows of a table are about one of these customers or cases.
SELECT count() FROM {table:Identifier}
WHERE realm = {realm:String} AND (subject_type = 'customer' AND subject IN {customers:Array(String)}
    OR subject_type = 'case' AND cityHash64(subject) IN {cases:Array(UInt64)})

-- delete_subjects --
-- Removes them.
ALTER TABLE {table:Identifier} DELETE
-- WHERE of count_subjects --

-- count_rejected --
-- How many rejected lines have one of these ids.
SELECT count() FROM rejected
WHERE toString(reject_id) IN {ids:Array(String)}

-- delete_rejected --
-- Removes them.
ALTER TABLE rejected DELETE
-- WHERE of count_rejected --

-- count_answers --
-- How many kept answers have one of these keys.
SELECT count() FROM idempotency
WHERE realm = {realm:String} AND cityHash64(idempotency_key) IN {ids:Array(UInt64)}

-- delete_answers --
-- Removes them.
ALTER TABLE idempotency DELETE
-- WHERE of count_answers --

-- hashes --
-- Hashes of texts: the text of a removal stays on the disk for a while, and must not name anybody.
SELECT cityHash64(arrayJoin({texts:Array(String)}))

-- shown --
-- Whether one of these nodes is a profile with figures.
SELECT 1 FROM profile_totals
WHERE realm = {realm:String} AND profile IN {nodes:Array(UUID)} LIMIT 1

-- unfinished --
-- How many changes of a table's parts have not reached every part.
SELECT count() FROM system.mutations
WHERE database = currentDatabase() AND table = {table:String} AND NOT is_done

-- masked --
-- Tables with parts in which rows are only hidden.
SELECT DISTINCT table FROM system.parts
WHERE database = currentDatabase() AND active AND has_lightweight_delete
    AND table IN {tables:Array(String)}

-- apply_mask --
-- Removes hidden rows physically.
ALTER TABLE {table:Identifier} APPLY DELETED MASK

-- merge --
-- Merges all parts, which forgets replaced rows.
OPTIMIZE TABLE {table:Identifier} FINAL

-- left_keys --
-- Rows of an erasure, replaced ones included, that still hold the key of its kept sales.
SELECT count() FROM erasure_runs
WHERE realm = {realm:String} AND erasure_id = {id:String} AND pseudonym_key != ''

-- left_values --
-- Incidents from which an erasure has taken a value and of which a replaced row may still hold it.
SELECT count() FROM
(
    SELECT kind, subject, incident_id FROM incident_states WHERE realm = {realm:String}
    GROUP BY kind, subject, incident_id
    HAVING count() > 1 AND max(position(body, concat('"', {text:String}, '"'))) > 0
)
