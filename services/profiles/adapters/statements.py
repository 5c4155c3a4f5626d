"""The queries of the profile reader.

Every read is by key and deduplicated with FINAL. There is no PREWHERE anywhere: under FINAL it
would filter before versions are compared and bring old rows back.
"""

from __future__ import annotations

RESOLVE = """
SELECT node, profile, kind, '' AS type, 2 AS weight FROM map FINAL
WHERE realm = {realm:String} AND node IN {nodes:Array(UUID)}
UNION ALL
SELECT node, node, '', type, 1 FROM node_values FINAL
WHERE realm = {realm:String} AND node IN {nodes:Array(UUID)}
UNION ALL
SELECT node, node, '', any(anchor_type), 0 FROM touchpoints
WHERE realm = {realm:String} AND node IN {nodes:Array(UUID)} GROUP BY node
"""

# Rows of `members` go stale when a node moves, so the map has the last word. The profiles' own
# nodes are asked for as well: one that the map does not know is its own profile.
MEMBERS = """
WITH nodes AS
(
    SELECT node FROM members WHERE realm = {realm:String} AND profile IN {profiles:Array(UUID)}
    UNION DISTINCT SELECT arrayJoin({profiles:Array(UUID)})
)
SELECT node, argMax(profile, version), argMax(kind, version) FROM map
WHERE realm = {realm:String} AND node IN nodes GROUP BY node
"""

VALUES = """
SELECT node, type, issuer, value FROM node_values FINAL
WHERE realm = {realm:String} AND node IN {nodes:Array(UUID)}
"""

FACTS = """
SELECT node, any(anchor_type), min(occurred_at), max(occurred_at), groupUniqArray(channel),
    groupArrayIf((event_id, occurred_at, channel, source_system, attrs.name, attrs.value,
        attrs.present), notEmpty(attrs.name)),
    groupArrayIf((event_id, occurred_at, consents.action, consents.purpose, consents.channel,
        consents.address, consents.basis, consents.double_opt_in), notEmpty(consents.action)),
    groupArrayIf((node, event_id, occurred_at, anchor_type, order_action, order_issuer, order_id,
        return_id, order_currency, order_value, empty(lines.kind)),
        order_counts AND order_action IN ('placed', 'cancelled', 'returned'))
FROM touchpoints FINAL
WHERE realm = {realm:String} AND node IN {nodes:Array(UUID)} AND NOT synthetic
GROUP BY node
"""

LAST_SEEN = """
SELECT node, standing, max(occurred_at) FROM touchpoints FINAL
ARRAY JOIN arrayDistinct(arrayPushBack(`ids.node`, node)) AS standing
WHERE realm = {realm:String} AND node IN {nodes:Array(UUID)} AND NOT synthetic
GROUP BY node, standing
"""

_ORDER_ROW = """
SELECT node, event_id, occurred_at, anchor_type, order_action, order_issuer, order_id, return_id,
    order_currency, order_value, empty(lines.kind) FROM orders FINAL
WHERE realm = {realm:String} AND order_counts AND NOT synthetic
    AND order_action IN ('placed', 'cancelled', 'returned')
"""
BY_ORDER = _ORDER_ROW + " AND order_id IN {ids:Array(String)}"
BY_RETURN = _ORDER_ROW + " AND return_id IN {ids:Array(String)}"

# An event found under two anchors of one profile is one entry: the smaller node's, for good.
TIMELINE = """
SELECT event_id, argMin(node, toString(node)),
    argMin(occurred_at, toString(node)) AS at
FROM touchpoints FINAL
WHERE realm = {realm:String} AND node IN {nodes:Array(UUID)} AND NOT synthetic
GROUP BY event_id
HAVING {is_first:Bool} OR (toUnixTimestamp64Milli(at), event_id) < ({ms:Int64}, {event:String})
ORDER BY at DESC, event_id DESC LIMIT {limit:UInt32}
"""
EVENTS = """
SELECT event_id, node, channel, type, source_system, payload FROM touchpoints FINAL
WHERE realm = {realm:String} AND node IN {nodes:Array(UUID)} AND event_id IN {events:Array(String)}
"""

IDENTIFIERS = """
WITH page AS
(
    SELECT node, type, issuer, value FROM node_values FINAL
    WHERE realm = {realm:String} AND ({is_first:Bool} OR node > {after:UUID})
    ORDER BY node LIMIT {limit:UInt32}
)
SELECT p.node, p.type, p.issuer, p.value, m.kind, m.profile FROM page AS p
LEFT JOIN
(
    SELECT node, profile, kind FROM map FINAL
    WHERE realm = {realm:String} AND node IN (SELECT node FROM page)
) AS m ON p.node = m.node
ORDER BY p.node
"""

REFRESHED_AT = "SELECT max(refreshed_at), count() FROM profile_totals WHERE realm = {realm:String}"
TOTALS = """
SELECT profile, identifiers_count, orders, returns, cancellations, revenue, returned, currency,
    first_contact, last_contact, channels FROM profile_totals
WHERE realm = {realm:String} AND ({is_first:Bool} OR profile > {after:UUID})
ORDER BY profile LIMIT {limit:UInt32}
"""
