-- known --
-- Which events of these ids are stored: under which anchor, in which version, by which batch.
SELECT realm, event_id, node, version, batch FROM event_ids
WHERE realm = {realm:String} AND event_hash IN {hashes:Array(UInt64)}

-- last_batch --
-- The highest batch number that any table holds. The upper 16 bits of decision-stage versions are
-- the generation (services/stream/positions.py).
WITH 0xFFFFFFFFFFFF AS number
SELECT greatest(
    (SELECT max(version) FROM segment_changes), (SELECT max(version) FROM segment_marks),
    (SELECT max(version) FROM segment_ticks),
    (SELECT max(bitAnd(version + 1, number)) FROM segment_timers),
    (SELECT maxIf(bitAnd(version + 1, number), version > number) FROM memberships),
    (SELECT max(batch) FROM touchpoints), (SELECT max(bitAnd(batch, number)) FROM edges),
    (SELECT max(bitAnd(version, number)) FROM map),
    (SELECT max(bitAnd(version, number)) FROM incident_states),
    (SELECT max(bitAnd(version, number)) FROM timers),
    (SELECT max(batch) FROM checkpoints))

-- in_doubt --
-- Events written after a batch and up to another, in the order in which they were processed.
SELECT payload, received_at, intake FROM touchpoints
WHERE batch > {batch:UInt64} AND batch <= {until:UInt64}
ORDER BY batch, received_at, intake, event_id

-- page_end --
-- The batch with which a page of about `rows` events after a batch ends; 0 if there are none.
SELECT max(batch) FROM (SELECT batch FROM touchpoints
    WHERE batch > {batch:UInt64} AND batch <= {until:UInt64} ORDER BY batch LIMIT {rows:UInt32})

-- erasures --
-- Erased nodes and when each was erased: without end while an erasure is under way.
SELECT realm, node, max(until) FROM
(
    SELECT realm, node, erased_at AS until FROM erasures
    UNION ALL
    SELECT realm, arrayJoin(nodes), toDateTime64('2200-01-01 00:00:00', 3, 'UTC')
    FROM erasure_orders FINAL WHERE step < 3
)
GROUP BY realm, node

-- erasure_steps --
-- How many steps all ordered erasures have made, all suppressions and all removals of expired events: a
-- number that grows with each.
SELECT (SELECT sum(step) FROM erasure_orders FINAL) + (SELECT count() FROM suppressions FINAL)
    + (SELECT sum(version) FROM event_cutoffs FINAL)

-- suppressed --
-- Who must not be processed: of each node the latest step counts.
SELECT realm, node FROM
(
    SELECT realm, node, lifted FROM suppressions
    ORDER BY decided_at DESC, lifted DESC LIMIT 1 BY realm, node
)
WHERE NOT lifted

-- cutoffs --
-- Since when events of a type are kept.
SELECT realm, type, before FROM event_cutoffs FINAL

-- expiring --
-- How many removals of older events are under way.
SELECT count() FROM event_cutoffs FINAL WHERE stage < 4

-- checkpoint --
-- The last batch of a writer that is processed to the end; 0 if there is none.
SELECT max(batch) FROM checkpoints WHERE name = {name:String}

-- any_event --
-- Whether there is an event.
SELECT 1 FROM event_ids LIMIT 1

-- conflict --
-- Copies the stored bodies of events before another body of the same id can replace them.
INSERT INTO id_conflicts SELECT realm, event_id, version, node, received_at, payload
FROM touchpoints WHERE realm = {realm:String} AND node IN {nodes:Array(UUID)}
    AND event_id IN {events:Array(String)}

-- former_books --
-- The books that bodies of events touched: of any body that no merge has forgotten, and those noted
-- before a correction was written. Deliberately without FINAL.
SELECT event_id, {prices:String}, 'product', concat(market, '\x1f', sku) FROM offers
ARRAY JOIN offers.sku AS sku, offers.market AS market
WHERE realm = {realm:String} AND node IN {nodes:Array(UUID)} AND event_id IN {events:Array(String)}
UNION DISTINCT
SELECT event_id, kind, subject_type, subject FROM claims
ARRAY JOIN claims.kind AS kind, claims.subject_type AS subject_type, claims.subject AS subject
WHERE realm = {realm:String} AND node IN {nodes:Array(UUID)} AND event_id IN {events:Array(String)}
UNION DISTINCT
SELECT event_id, kind, subject_type, subject FROM former_books
WHERE realm = {realm:String} AND node IN {nodes:Array(UUID)} AND event_id IN {events:Array(String)}

-- cancellations --
-- Who cancels some of these orders, and whom bodies of these events cancelled.
SELECT node, event_id, order_issuer, order_id, by_issuer, by_number FROM cancelled_orders
WHERE realm = {realm:String} AND order_id IN {numbers:Array(String)}
    AND concat(order_issuer, '\x1f', order_id) IN {orders:Array(String)}
UNION DISTINCT
SELECT node, event_id, order_issuer, order_id, by_issuer, by_number FROM cancelled_orders
WHERE realm = {realm:String} AND event_id IN {events:Array(String)}

-- orders_named --
-- The events that report some orders, given by issuer and number.
SELECT node, event_id, order_issuer, order_id FROM orders
WHERE realm = {realm:String} AND order_action = 'placed'
    AND (node, event_id) IN (SELECT node, event_id FROM order_keys
        WHERE realm = {realm:String} AND order_id IN {numbers:Array(String)})
    AND concat(order_issuer, '\x1f', order_id) IN {orders:Array(String)}

-- receipts_like --
-- Receipts of these stores with some of these articles and one of these values, in a period.
SELECT node, event_id, source_store, abs(order_value), toUnixTimestamp64Milli(occurred_at)
FROM orders
WHERE realm = {realm:String} AND source_store IN {stores:Array(String)} AND order_action = 'placed'
    AND order_counts
    AND abs(order_value) IN arrayMap(one -> toDecimal64(one, 4), {values:Array(String)})
    AND (node, event_id) IN (SELECT node, event_id FROM price_claims
        WHERE realm = {realm:String} AND sku IN {skus:Array(String)} AND basis = 'charged'
            AND occurred_at >= {since:DateTime64(3, 'UTC')}
            AND occurred_at <= {until:DateTime64(3, 'UTC')})

-- sold --
-- The books that events touch, with their version: prices, and the other kinds that are asked for.
SELECT DISTINCT node, event_id, version, {prices:String}, 'product', concat(market, '\x1f', sku)
FROM
(
    SELECT * FROM offers FINAL WHERE realm = {realm:String} AND node IN {nodes:Array(UUID)}
        AND event_id IN {events:Array(String)}
)
ARRAY JOIN offers.sku AS sku, offers.market AS market
UNION ALL
SELECT DISTINCT node, event_id, version, kind, subject_type, subject
FROM
(
    SELECT * FROM claims FINAL WHERE realm = {realm:String} AND node IN {nodes:Array(UUID)}
        AND event_id IN {events:Array(String)}
)
ARRAY JOIN claims.kind AS kind, claims.subject_type AS subject_type, claims.subject AS subject
WHERE kind IN {kinds:Array(String)}

-- noted --
-- The events of which claims are noted as cancelled by some orders.
SELECT DISTINCT node, event_id FROM cancelled_claims
WHERE realm = {realm:String} AND by_number IN {numbers:Array(String)}
    AND concat(by_issuer, '\x1f', by_number) IN {orders:Array(String)}
