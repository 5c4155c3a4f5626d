-- by_value --
-- Issuers and nodes of identifiers with this value; two are enough to call it ambiguous.
SELECT issuer, node FROM node_values FINAL
WHERE realm = {realm:String} AND type = {type:String} AND value = {value:String} LIMIT 2

-- containing --
-- Nodes of which an identifier or an attribute contains a text, exact values first.
SELECT node, match FROM
(
    SELECT node, concat(type, '=', value) AS match, lower(value) = lower({text:String}) AS exact
    FROM node_values FINAL
    WHERE realm = {realm:String} AND positionCaseInsensitiveUTF8(value, {text:String}) > 0
    UNION ALL
    SELECT node, concat(name, ': ', value) AS match, lower(value) = lower({text:String}) AS exact
    FROM touchpoints FINAL ARRAY JOIN attrs.name AS name, attrs.value AS value
    WHERE realm = {realm:String} AND positionCaseInsensitiveUTF8(value, {text:String}) > 0
)
GROUP BY node, match, exact ORDER BY exact DESC, match, node LIMIT {limit:UInt32}
