-- repeated --
-- Every report of the orders that several events placed, or of which something was taken back that
-- may be too much or in another currency: a page of orders after an issuer and number. Those that
-- placed the order come first, the one that counts before the others.
WITH
    reports AS
    (
        SELECT order_issuer, order_id, event_id, occurred_at, channel, source_store, anchor_type,
            node, order_currency, order_value, order_action,
            order_action = 'cancelled' AND empty(lines.kind) AS is_whole
        FROM orders FINAL
        WHERE realm = {realm:String} AND order_id != ''
            AND order_action IN ('placed', 'cancelled', 'returned')
            AND order_counts AND NOT synthetic
    ),
    suspects AS
    (
        SELECT order_issuer, order_id,
            groupUniqArrayIf(order_currency, order_action = 'placed') AS sold_in,
            groupUniqArrayIf(order_currency, order_action != 'placed' AND NOT is_whole
                AND order_currency != '') AS taken_in
        FROM reports WHERE (order_issuer, order_id) > ({issuer:String}, {order:String})
        GROUP BY order_issuer, order_id
        HAVING uniqExactIf(event_id, order_action = 'placed') > 1
            OR notEmpty(sold_in) AND NOT hasAll(sold_in, taken_in)
            OR notEmpty(sold_in)
                AND sumIf(greatest(order_value, 0), order_action = 'cancelled' AND NOT is_whole)
                    > minIf(order_value, order_action = 'placed')
        ORDER BY order_issuer, order_id LIMIT {orders:UInt32}
    )
SELECT order_issuer, order_id, event_id, occurred_at, channel, source_store,
    if(anchor_type = 'record', NULL, node), order_currency, order_value, order_action, is_whole
FROM reports
WHERE (order_issuer, order_id) IN (SELECT order_issuer, order_id FROM suspects)
ORDER BY order_issuer, order_id, order_action != 'placed', anchor_type = 'record', occurred_at,
    event_id, node
