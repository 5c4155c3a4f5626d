-- Returns are looked up by their number, too. A bloom filter reads more the larger the store is, so their
-- numbers stand beside those of orders: a number that is both finds the reports of both.

CREATE MATERIALIZED VIEW IF NOT EXISTS return_keys_view TO order_keys AS
SELECT realm, return_id AS order_id, node, event_id FROM touchpoints
WHERE return_id != '' AND order_action IN ('placed', 'cancelled', 'returned');

INSERT INTO order_keys
SELECT realm, return_id AS order_id, node, event_id FROM orders
WHERE return_id != '' AND order_action IN ('placed', 'cancelled', 'returned');
