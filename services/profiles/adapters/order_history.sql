-- details --
-- Where orders and returns were reported, and their lines; a superset of the pairs.
SELECT node, event_id, channel, source_store, lines.sku, lines.kind, lines.category,
    lines.quantity, lines.total
FROM orders
WHERE realm = {realm:String} AND node IN {nodes:Array(UUID)} AND event_id IN {events:Array(String)}
ORDER BY version DESC LIMIT 1 BY node, event_id
