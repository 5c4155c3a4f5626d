-- reports --
-- Some reports of orders, and what may cancel them, given by issuer and number.
SELECT event_id, occurred_at, order_issuer, payload FROM touchpoints FINAL
WHERE realm = {realm:String} AND NOT synthetic AND order_action IN ('placed', 'cancelled')
    AND (node IN {nodes:Array(UUID)} AND event_id IN {events:Array(String)}
        OR (node, event_id) IN (SELECT node, event_id FROM order_keys
                WHERE realm = {realm:String} AND order_id IN {numbers:Array(String)})
            AND concat(order_issuer, '\x1f', order_id) IN {orders:Array(String)})
