-- consents --
-- Consents, withdrawals and objections reported with each node, and where each was said.
SELECT node, synthetic, event_id, occurred_at, channel, source_system, consents.action,
    consents.purpose, consents.channel, consents.address, consents.basis, consents.double_opt_in,
    consents.text_version
FROM consents WHERE realm = {realm:String} AND node IN {nodes:Array(UUID)}
ORDER BY version DESC LIMIT 1 BY node, event_id

-- values --
-- Type and value of nodes.
SELECT node, type, value FROM node_values
WHERE realm = {realm:String} AND node IN {nodes:Array(UUID)} LIMIT 1 BY node
