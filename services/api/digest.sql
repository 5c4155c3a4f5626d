-- facts --
-- One part of all touchpoints, without times of receipt, batches and versions.
SELECT realm, node, event_id, occurred_at, channel, type, synthetic, source_system, source_store,
    campaign, anchor_type, anchor_verified,
    COLUMNS('^((ids|lines|consents|attrs|offers|group|member)[.]|answers[.](question|score|expected|choice)$)'),
    order_action, order_issuer, order_id, return_id, order_counts, order_currency, order_value,
    survey_kind, group_kind, group_action, group_issuer, group_id, member_title, member_since,
    member_until
FROM touchpoints FINAL WHERE cityHash64(node) % {parts:UInt32} = {part:UInt32}
ORDER BY realm, node, event_id

-- edges --
-- One part of the identity graph.
SELECT realm, a, b, a_type, a_issuer, b_type, b_issuer, first_seen, event_id, verified
FROM edges FINAL WHERE cityHash64(a) % {parts:UInt32} = {part:UInt32} ORDER BY realm, a, b

-- map --
-- One part of all identifiers with the profile that holds each; without a map row it is its own.
SELECT n.realm, n.node, n.type, n.issuer, n.value,
    if(m.kind = '', n.node, m.profile), m.kind = 'shared'
FROM (SELECT * FROM node_values FINAL WHERE cityHash64(node) % {parts:UInt32} = {part:UInt32}) AS n
LEFT JOIN (SELECT * FROM map FINAL WHERE cityHash64(node) % {parts:UInt32} = {part:UInt32}) AS m
    ON n.realm = m.realm AND n.node = m.node
ORDER BY n.realm, n.node

-- claims --
-- Claims of all kinds but prices, which are facts.
SELECT realm, node, event_id, COLUMNS('^claims[.]') FROM claims FINAL WHERE notEmpty(claims.kind)
ORDER BY realm, node, event_id

-- incidents --
-- Incidents with their event times.
SELECT body FROM incident_states FINAL WHERE state != 'retracted' ORDER BY realm, incident_id

-- actions --
-- What people did with incidents.
SELECT realm, kind, subject, incident_id, action, acted_by, reason, until, acted_at
FROM incident_actions FINAL ORDER BY ALL

-- profiles --
-- All profiles that hold an identifier.
SELECT DISTINCT n.realm, if(m.kind = '', n.node, m.profile) AS profile
FROM (SELECT realm, node FROM node_values FINAL) AS n
LEFT JOIN (SELECT realm, node, profile, kind FROM map FINAL) AS m
    ON n.realm = m.realm AND n.node = m.node

-- facts_count --
-- How many touchpoints there are.
SELECT count() FROM touchpoints FINAL

-- edges_count --
-- How many edges there are.
SELECT count() FROM edges FINAL

-- identifiers_count --
-- How many identifiers there are.
SELECT count() FROM node_values FINAL
