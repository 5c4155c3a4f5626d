-- repeated --
-- Every report of the orders that several events placed, the one that counts first within its
-- order: a page of orders after an issuer and number.
WITH placed AS
    (SELECT * FROM orders FINAL WHERE realm = {realm:String} AND order_action = 'placed'
        AND order_counts AND NOT synthetic)
SELECT order_issuer, order_id, event_id, occurred_at, channel, source_store,
    if(anchor_type = 'record', NULL, node), order_currency, order_value
FROM placed
WHERE (order_issuer, order_id) IN
    (SELECT order_issuer, order_id FROM placed
    WHERE (order_issuer, order_id) > ({issuer:String}, {order:String})
    GROUP BY order_issuer, order_id HAVING uniqExact(event_id) > 1
    ORDER BY order_issuer, order_id LIMIT {orders:UInt32})
ORDER BY order_issuer, order_id, anchor_type = 'record', occurred_at, event_id, node
