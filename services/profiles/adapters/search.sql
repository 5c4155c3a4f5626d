-- The words of ranks are in services/profiles/core/search.py. Nodes are compared as words: the order
-- of UUIDs is another one here than elsewhere. Values of nodes never change, so they need no FINAL.

-- places_of_text --
-- The next nodes with an identifier or attribute that contains a text: exact ones first.
SELECT node, rank FROM
(
    SELECT node, toUInt8(lowerUTF8(value) != lowerUTF8({text:String})) AS rank FROM node_values
    WHERE realm = {realm:String} AND positionCaseInsensitiveUTF8(value, {text:String}) > 0
    UNION ALL
    SELECT node, toUInt8(lowerUTF8(value) != lowerUTF8({text:String})) AS rank
    FROM observations FINAL ARRAY JOIN attrs.value AS value
    WHERE realm = {realm:String} AND NOT synthetic
        AND positionCaseInsensitiveUTF8(value, {text:String}) > 0
)
WHERE (rank, toString(node)) > ({rank:UInt8}, {after:String})
ORDER BY rank, toString(node) LIMIT {limit:UInt32}

-- places_of_attribute --
-- The next nodes with an attribute that has one of some values.
SELECT node, toUInt8(0) AS rank
FROM observations FINAL ARRAY JOIN attrs.name AS name, attrs.value AS value
WHERE realm = {realm:String} AND NOT synthetic AND name = {attribute:String}
    AND lowerUTF8(trimBoth(value)) IN {forms:Array(String)}
    AND (rank, toString(node)) > ({rank:UInt8}, {after:String})
ORDER BY toString(node) LIMIT {limit:UInt32}

-- frequencies --
-- How many nodes have each of some attributes with one of its values, by rows that may be replaced.
SELECT name, uniq(node)
FROM observations ARRAY JOIN attrs.name AS name, attrs.value AS value
WHERE realm = {realm:String} AND has({names:Array(String)}, name)
    AND has({forms:Array(Array(String))}[indexOf({names:Array(String)}, name)],
        lowerUTF8(trimBoth(value)))
GROUP BY name

-- matches_of_text --
-- What contains a text at these nodes.
SELECT node, toUInt8(lowerUTF8(value) != lowerUTF8({text:String})) AS rank,
    concat(type, '=', value) AS match
FROM node_values
WHERE realm = {realm:String} AND node IN {nodes:Array(UUID)}
    AND positionCaseInsensitiveUTF8(value, {text:String}) > 0
UNION DISTINCT
SELECT node, toUInt8(lowerUTF8(value) != lowerUTF8({text:String})) AS rank,
    concat(name, ': ', value) AS match
FROM observations FINAL ARRAY JOIN attrs.name AS name, attrs.value AS value
WHERE realm = {realm:String} AND node IN {nodes:Array(UUID)} AND NOT synthetic
    AND positionCaseInsensitiveUTF8(value, {text:String}) > 0

-- matches_of_attribute --
-- Which of some values an attribute has at these nodes.
SELECT DISTINCT node, toUInt8(0) AS rank, concat(name, ': ', value) AS match
FROM observations FINAL ARRAY JOIN attrs.name AS name, attrs.value AS value
WHERE realm = {realm:String} AND node IN {nodes:Array(UUID)} AND NOT synthetic
    AND name = {attribute:String} AND lowerUTF8(trimBoth(value)) IN {forms:Array(String)}
