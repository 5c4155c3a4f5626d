-- Returns are looked up by their number, too. A bloom filter reads more the larger the store is, so their
-- numbers stand beside those of orders: a number that is both finds the reports of both.

ALTER TABLE order_keys_view MODIFY QUERY
SELECT realm, number AS order_id, node, event_id FROM touchpoints
ARRAY JOIN arrayFilter(one -> one != '', [order_id, return_id]) AS number
WHERE order_action IN ('placed', 'cancelled', 'returned');

INSERT INTO order_keys
SELECT realm, return_id AS order_id, node, event_id FROM orders
WHERE return_id != '' AND order_action IN ('placed', 'cancelled', 'returned');
