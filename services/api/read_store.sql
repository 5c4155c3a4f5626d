-- by_value --
-- Issuers and nodes of identifiers with this value; two are enough to call it ambiguous.
SELECT issuer, node FROM node_values FINAL
WHERE realm = {realm:String} AND type = {type:String} AND value = {value:String} LIMIT 2
