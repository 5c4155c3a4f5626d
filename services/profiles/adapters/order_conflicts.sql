-- repeated --
-- Every report of the orders that several events placed, or of which something was taken back that
-- may be too much, in another currency, or of an order that only other issuers have: a page of
-- orders after an issuer and number. Those that placed the order come first, the one that counts
-- before the others.
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
        FROM reports WHERE (order_issuer, order_id) > ({issuer:String}, {number:String})
        GROUP BY order_issuer, order_id
        HAVING uniqExactIf(event_id, order_action = 'placed') > 1
            OR empty(sold_in)
                AND order_id IN (SELECT order_id FROM reports WHERE order_action = 'placed')
            OR notEmpty(sold_in) AND NOT hasAll(sold_in, taken_in)
            OR notEmpty(sold_in)
                AND sumIf(greatest(order_value, 0), order_action = 'cancelled' AND NOT is_whole)
                    > minIf(order_value, order_action = 'placed')
        ORDER BY order_issuer, order_id LIMIT {orders:UInt32}
    )
SELECT order_issuer, order_id, order_id AS named, event_id, occurred_at, channel, source_store,
    if(anchor_type = 'record', NULL, node), order_currency, order_value, order_action, is_whole
FROM reports
WHERE (order_issuer, order_id) IN (SELECT order_issuer, order_id FROM suspects)
ORDER BY order_issuer, order_id, order_action != 'placed', anchor_type = 'record', occurred_at,
    event_id, node

-- returns --
-- Every report of the returns under whose number several events name other orders or amounts: a
-- page of returns after an issuer and number. The one that counts comes first.
WITH returns AS
    (
        SELECT * FROM orders FINAL
        WHERE realm = {realm:String} AND order_action = 'returned' AND order_counts
            AND NOT synthetic
    )
SELECT order_issuer, return_id, order_id, event_id, occurred_at, channel, source_store,
    if(anchor_type = 'record', NULL, node), order_currency, order_value, order_action,
    false AS is_whole
FROM returns
WHERE (order_issuer, return_id) IN
    (SELECT order_issuer, return_id FROM returns
    WHERE (order_issuer, return_id) > ({issuer:String}, {number:String})
    GROUP BY order_issuer, return_id
    HAVING uniqExactIf(order_id, order_id != '') > 1
        OR uniqExactIf(order_value, order_value != 0) > 1
        OR uniqExactIf(order_currency, order_currency != '') > 1
    ORDER BY order_issuer, return_id LIMIT {orders:UInt32})
ORDER BY order_issuer, return_id, order_id = '', anchor_type = 'record', occurred_at, event_id, node
