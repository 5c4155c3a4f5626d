-- channels --
-- Orders with a promise by the channel on which they were placed, and all together. Whoever says
-- that one was delivered often names nobody, so it is found by issuer and order id. Of several
-- reports of an order the first promise counts; cancelled orders are skipped.
WITH
    -- CTEs of interactions --,
    named AS
    (
        SELECT node, event_id, order_issuer AS issuer, order_id, order_action AS action,
            empty(lines.kind) AS is_whole
        FROM orders FINAL
        WHERE realm = {realm:String} AND NOT synthetic
            AND (order_action IN ('status', 'cancelled') OR order_action = 'placed' AND order_counts)
    ),
    delivered AS
    (
        SELECT n.issuer AS issuer, n.order_id AS order_id, min(s.at) AS at
        FROM
        (
            SELECT node, event_id, occurred_at AS at FROM interactions FINAL
            WHERE realm = {realm:String} AND kind = 'purchase' AND type = 'order.status_changed'
                AND NOT synthetic AND has({delivered:Array(String)}, lowerUTF8(status::String))
                AND occurred_at < fromUnixTimestamp64Milli({until_ms:Int64}, 'UTC')
        ) AS s
        INNER JOIN (SELECT * FROM named WHERE action = 'status') AS n
            ON s.node = n.node AND s.event_id = n.event_id
        GROUP BY issuer, order_id
    ),
    promised AS
    (
        SELECT n.issuer AS issuer, n.order_id AS order_id,
            argMin(i.profile, i.rank) AS profile, argMin(i.channel, i.rank) AS channel,
            argMin(i.promise, i.rank) AS promised_at
        FROM
        (
            SELECT node, event_id, profile, channel::String AS channel,
                concat(toString(occurred_at), event_id) AS rank,
                assumeNotNull(promised_at) AS promise
            FROM interacted WHERE type = 'order.placed' AND promised_at IS NOT NULL
        ) AS i
        INNER JOIN (SELECT * FROM named WHERE action = 'placed') AS n
            ON i.node = n.node AND i.event_id = n.event_id
        GROUP BY issuer, order_id
    ),
    outcomes AS
    (
        SELECT p.profile AS profile, p.channel AS channel,
            fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC') AS starts,
            fromUnixTimestamp64Milli({until_ms:Int64}, 'UTC') AS ends,
            multiIf(d.is_known AND d.at < starts, '', d.is_known AND d.at <= p.promised_at, 'kept',
                d.is_known, 'late', p.promised_at >= starts AND p.promised_at < ends, 'overdue',
                '') AS outcome
        FROM promised AS p
        LEFT JOIN (SELECT *, true AS is_known FROM delivered) AS d
            ON p.issuer = d.issuer AND p.order_id = d.order_id
        WHERE (p.issuer, p.order_id) NOT IN
        (
            SELECT issuer, order_id FROM named WHERE action = 'cancelled' AND is_whole
        )
    )
SELECT channel, uniqExactIf(profile, outcome != 'overdue') AS persons,
    countIf(outcome = 'kept') AS kept,
    countIf(outcome = 'late') AS late, countIf(outcome = 'overdue') AS overdue
FROM outcomes WHERE outcome != '' GROUP BY GROUPING SETS ((channel), ())
