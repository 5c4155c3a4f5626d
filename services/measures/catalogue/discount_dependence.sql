-- bands --
-- Persons with enough lines in the window by the part of what they paid that they paid for reduced ones,
-- in quarters; nothing reduced is a band of its own. What was reduced stands with the event of an order;
-- neither that nor the worth of an order has what other sellers sold.
WITH
    -- CTEs of interactions --,
    -- CTEs of baskets --,
    reductions AS
    (
        SELECT event_id, max(amount) AS reduced FROM interacted
        WHERE type = 'order.placed' AND amount IS NOT NULL AND currency = {currency:String}
        GROUP BY event_id
    ),
    spent AS
    (
        SELECT b.profile AS profile, sum(length(b.lines)) AS lines_of,
            sum(b.worth)::Decimal(38, 4) AS paid_of,
            sum(ifNull(r.reduced, 0))::Decimal(38, 4) AS reduced_of
        FROM baskets AS b LEFT JOIN reductions AS r ON b.event_id = r.event_id
        WHERE b.at >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC')
            AND b.currency = {currency:String}
        GROUP BY profile HAVING lines_of >= {lines_min:UInt16} AND paid_of > 0
    )
SELECT part <= 0 ? 0 : least(4, 1 + toUInt8(floor(4 * part))) AS band, count() AS persons,
    sum(lines_of) AS lines, sum(reduced_at_most) AS reduced, sum(paid_of) AS paid
FROM
(
    SELECT lines_of, paid_of, greatest(0, least(reduced_of, paid_of))::Decimal(38, 4) AS reduced_at_most,
        toFloat64(reduced_at_most) / toFloat64(paid_of) AS part
    FROM spent
)
GROUP BY band
