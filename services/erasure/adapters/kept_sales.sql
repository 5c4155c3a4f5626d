-- count_sales --
-- How many events of orders, cancellations and returns are of these nodes, or among some events of
-- others.
SELECT count() FROM touchpoints FINAL
WHERE realm = {realm:String} AND (node IN {nodes:Array(UUID)}
    OR node IN {others:Array(UUID)} AND cityHash64(event_id) IN {events:Array(UInt64)})
    AND order_action IN ('placed', 'cancelled', 'returned') AND NOT synthetic

-- sales --
-- A page of them, each as it was sent, with the issuer of its number.
SELECT node, event_id, order_issuer, payload FROM touchpoints FINAL
WHERE realm = {realm:String} AND (node IN {nodes:Array(UUID)}
    OR node IN {others:Array(UUID)} AND cityHash64(event_id) IN {events:Array(UInt64)})
    AND order_action IN ('placed', 'cancelled', 'returned') AND NOT synthetic
    AND (node, event_id) > ({after_node:UUID}, {after_id:String})
ORDER BY node, event_id LIMIT {limit:UInt32}

-- standing --
-- Issuers and numbers, of these, that an order, cancellation or return names which is none of theirs.
SELECT order_issuer, arrayJoin([order_id, return_id]) AS number FROM orders
WHERE realm = {realm:String}
    AND (order_id IN {numbers:Array(String)} OR return_id IN {numbers:Array(String)})
    AND order_action IN ('placed', 'cancelled', 'returned') AND NOT synthetic
    AND NOT (node IN {nodes:Array(UUID)}
        OR node IN {others:Array(UUID)} AND cityHash64(event_id) IN {events:Array(UInt64)})
    AND number IN {numbers:Array(String)}
GROUP BY order_issuer, number
