-- named_elsewhere --
-- Events that name one of these nodes and are kept under another one, with that one. Of a corrected
-- event the body that counts decides, whether or not a merge has forgotten the others.
SELECT node, event_id FROM identifiers FINAL
WHERE realm = {realm:String} AND (node, event_id) IN
    (
        SELECT node, event_id FROM identifiers
        WHERE realm = {realm:String} AND node NOT IN {nodes:Array(UUID)}
            AND arrayExists(one -> one IN {nodes:Array(UUID)}, ids.node)
    )
    AND arrayExists(one -> one IN {nodes:Array(UUID)}, ids.node)
ORDER BY node, event_id

-- formerly_named --
-- Events under another node of which only bodies that do not count any more name one of these, with
-- the version of the one that counts. Tables are merged one by one, so either may have forgotten it.
SELECT node, event_id, max(version) FROM identifiers
WHERE realm = {realm:String} AND (node, event_id) IN
    (
        SELECT node, event_id FROM identifiers
        WHERE realm = {realm:String} AND node NOT IN {nodes:Array(UUID)}
            AND arrayExists(one -> one IN {nodes:Array(UUID)}, ids.node)
        UNION DISTINCT
        SELECT node, event_id FROM touchpoints
        WHERE realm = {realm:String} AND node NOT IN {nodes:Array(UUID)}
            AND arrayExists(one -> one IN {nodes:Array(UUID)}, ids.node)
    )
GROUP BY node, event_id
HAVING NOT argMax(arrayExists(one -> one IN {nodes:Array(UUID)}, ids.node), version)
ORDER BY node, event_id

-- beside --
-- What events that name one of these nodes name beside it, and what has an edge to one of them. No
-- alias may be `node` here: in the condition it would stand for the column, which is the anchor.
SELECT DISTINCT named FROM
(
    SELECT arrayJoin(ids.node) AS named FROM identifiers FINAL
    WHERE realm = {realm:String} AND (node, event_id) IN
        (
            SELECT node, event_id FROM identifiers
            WHERE realm = {realm:String}
                AND arrayExists(one -> one IN {nodes:Array(UUID)}, ids.node)
        )
        AND arrayExists(one -> one IN {nodes:Array(UUID)}, ids.node)
    UNION ALL
    SELECT b AS named FROM edges WHERE realm = {realm:String} AND a IN {nodes:Array(UUID)}
    UNION ALL
    SELECT a AS named FROM edges_reversed WHERE realm = {realm:String} AND b IN {nodes:Array(UUID)}
)
WHERE named NOT IN {nodes:Array(UUID)} ORDER BY named

-- named_by_others --
-- Which of some others something names that these nodes do not make go: an event that names none of
-- them, an edge of such an event (a corrected one is no longer stored, its edges are), or a decision.
WITH ours AS
(
    SELECT event_id FROM identifiers FINAL
    WHERE realm = {realm:String} AND (node, event_id) IN
        (
            SELECT node, event_id FROM identifiers
            WHERE realm = {realm:String}
                AND arrayExists(one -> one IN {nodes:Array(UUID)}, ids.node)
        )
        AND arrayExists(one -> one IN {nodes:Array(UUID)}, ids.node)
)
SELECT arrayJoin(arrayFilter(one -> one IN {others:Array(UUID)}, ids.node)) FROM identifiers FINAL
WHERE realm = {realm:String} AND (node, event_id) IN
    (
        SELECT node, event_id FROM identifiers
        WHERE realm = {realm:String} AND hasAny(ids.node, {others:Array(UUID)})
    )
    AND NOT arrayExists(one -> one IN {nodes:Array(UUID)}, ids.node)
UNION DISTINCT
SELECT a FROM edges WHERE realm = {realm:String} AND a IN {others:Array(UUID)}
    AND b NOT IN {nodes:Array(UUID)} AND event_id NOT IN ours
UNION DISTINCT
SELECT b FROM edges_reversed WHERE realm = {realm:String} AND b IN {others:Array(UUID)}
    AND a NOT IN {nodes:Array(UUID)} AND event_id NOT IN ours
UNION DISTINCT
SELECT a FROM decisions WHERE realm = {realm:String} AND a IN {others:Array(UUID)}
    AND b NOT IN {nodes:Array(UUID)}
UNION DISTINCT
SELECT b FROM decisions WHERE realm = {realm:String} AND b IN {others:Array(UUID)}
    AND a NOT IN {nodes:Array(UUID)}

-- named_in_events --
-- Which of some others an event names that names none of these nodes.
SELECT arrayJoin(arrayFilter(one -> one IN {others:Array(UUID)}, ids.node)) FROM identifiers FINAL
WHERE realm = {realm:String} AND (node, event_id) IN
    (
        SELECT node, event_id FROM identifiers
        WHERE realm = {realm:String} AND hasAny(ids.node, {others:Array(UUID)})
    )
    AND NOT arrayExists(one -> one IN {nodes:Array(UUID)}, ids.node)

-- linked_by --
-- Edges from some others to none of these nodes, with the event that made each, but for events that
-- name one of these nodes.
WITH ours AS
(
    SELECT event_id FROM identifiers FINAL
    WHERE realm = {realm:String} AND (node, event_id) IN
        (
            SELECT node, event_id FROM identifiers
            WHERE realm = {realm:String}
                AND arrayExists(one -> one IN {nodes:Array(UUID)}, ids.node)
        )
        AND arrayExists(one -> one IN {nodes:Array(UUID)}, ids.node)
)
SELECT a AS node, event_id FROM edges WHERE realm = {realm:String} AND a IN {others:Array(UUID)}
    AND b NOT IN {nodes:Array(UUID)} AND event_id NOT IN ours
UNION DISTINCT
SELECT b AS node, event_id FROM edges_reversed
WHERE realm = {realm:String} AND b IN {others:Array(UUID)}
    AND a NOT IN {nodes:Array(UUID)} AND event_id NOT IN ours

-- stored --
-- Those of some events of which a body is stored.
SELECT DISTINCT event_id FROM event_ids
WHERE realm = {realm:String} AND event_id IN {events:Array(String)}

-- of_persons --
-- Those of these nodes that are of persons: by the map, or, without a row in it, by their type.
WITH placed AS
(
    SELECT node, kind FROM map FINAL WHERE realm = {realm:String} AND node IN {nodes:Array(UUID)}
)
SELECT DISTINCT node FROM node_values
WHERE realm = {realm:String} AND node IN {nodes:Array(UUID)}
    AND (node IN (SELECT node FROM placed WHERE kind = 'person')
        OR node NOT IN (SELECT node FROM placed)
        AND type IN (SELECT arrayJoin(personal_types) FROM realms FINAL
                     WHERE realm = {realm:String}))

-- named_in --
-- What the events of these nodes, and some of others, name.
SELECT DISTINCT arrayJoin(ids.node) FROM identifiers
WHERE realm = {realm:String} AND (node IN {nodes:Array(UUID)}
    OR node IN {others:Array(UUID)} AND event_id IN {events:Array(String)})

-- values --
-- The values of these nodes, and what was ever given as an address or a number of their persons.
SELECT DISTINCT value FROM
(
    SELECT value FROM node_values
    WHERE realm = {realm:String} AND node IN {nodes:Array(UUID)} AND type != 'record'
    UNION ALL
    SELECT value FROM observations ARRAY JOIN attrs.name AS name, attrs.value AS value
    WHERE realm = {realm:String} AND node IN {nodes:Array(UUID)} AND name IN {names:Array(String)}
)
WHERE value != '' ORDER BY value

-- event_ids --
-- Ids of the events of these nodes.
SELECT DISTINCT event_id FROM event_ids
WHERE realm = {realm:String} AND node IN {nodes:Array(UUID)} ORDER BY event_id

-- events_page --
-- Events by anchor and id, a page after a place.
SELECT node, event_id, occurred_at, received_at, channel, type, synthetic, intake, source_system,
    source_store, campaign, anchor_type, anchor_verified, payload
FROM touchpoints FINAL
WHERE realm = {realm:String} AND node IN {nodes:Array(UUID)}
    AND (empty({events:Array(String)})
        OR (node, event_id) IN arrayZip({anchors:Array(UUID)}, {events:Array(String)}))
    AND (node, event_id) > ({after_node:UUID}, {after_id:String})
ORDER BY node, event_id LIMIT {limit:UInt32}

-- by_node --
-- Rows of a table by its column node, of all events or of some.
SELECT * FROM {table:Identifier} FINAL
WHERE realm = {realm:String} AND node IN {nodes:Array(UUID)}

-- by_event --
-- Rows of a table by anchor; of those events only, if any are given, one for each anchor.
SELECT * FROM {table:Identifier} FINAL
WHERE realm = {realm:String} AND node IN {nodes:Array(UUID)}
    AND (empty({events:Array(String)})
        OR (node, event_id) IN arrayZip({anchors:Array(UUID)}, {events:Array(String)}))
ORDER BY node, event_id

-- by_pair --
-- Rows of a table by the node at either end.
SELECT * FROM {table:Identifier} FINAL
WHERE realm = {realm:String} AND (a IN {nodes:Array(UUID)} OR b IN {nodes:Array(UUID)})

-- by_suggestion --
-- Suggestions about one of these nodes.
SELECT * FROM {table:Identifier} FINAL
WHERE realm = {realm:String} AND (node IN {nodes:Array(UUID)} OR other_node IN {nodes:Array(UUID)})

-- by_customer --
-- Rows of a table about one of these customers.
SELECT * FROM {table:Identifier} FINAL
WHERE realm = {realm:String} AND subject_type = 'customer' AND subject IN {subjects:Array(String)}

-- by_case --
-- Rows of a table about cases that only these nodes spoke of.
SELECT * FROM {table:Identifier} FINAL
WHERE realm = {realm:String} AND subject_type = 'case' AND subject IN (
    SELECT subject FROM statements WHERE realm = {realm:String} AND subject_type = 'case'
    GROUP BY subject HAVING min(node IN {nodes:Array(UUID)}))

-- rejected --
-- Rejected lines with one of these event ids, or with one of these texts in any letter case, as the
-- line has it or as it reads without percent signs and ASCII escapes; or with one of these digits, once
-- all other signs are left out. More than name the person.
WITH decodeURLComponent(replaceRegexpAll(raw, '\\\\u00([0-7][0-9a-fA-F])', '%\\1')) AS plain,
    text -> replaceRegexpAll(replaceRegexpAll(text, '\\\\u[0-9a-fA-F]{4}', ''), '[^0-9]+', '')
        AS dialled
SELECT reject_id, reason, path, message, event_id, received_at, raw FROM rejected FINAL
WHERE named_realm IN ({realm:String}, '') AND (event_id != '' AND event_id IN {events:Array(String)}
    OR arrayExists(text -> positionCaseInsensitiveUTF8(raw, text) > 0
        OR positionCaseInsensitiveUTF8(plain, text) > 0, {texts:Array(String)})
    OR notEmpty({digits:Array(String)}) AND (
        multiSearchAny(dialled(raw), {digits:Array(String)})
        OR multiSearchAny(dialled(plain), {digits:Array(String)})))
ORDER BY received_at, reject_id

-- readers --
-- Who read one of these profiles.
SELECT at, key_name, operation, purpose, count, status FROM access_log FINAL
WHERE realm = {realm:String} AND hasAny(profile_ids, {nodes:Array(UUID)}) ORDER BY at, entry_id

-- evidence --
-- Incidents about something else of which one of these events is evidence.
SELECT * FROM incident_states FINAL
WHERE realm = {realm:String} AND subject_type != 'customer' AND arrayExists(
    id -> id IN {events:Array(String)},
    arrayFlatten(JSONExtract(body, 'evidence', 'Array(Array(String))')))
