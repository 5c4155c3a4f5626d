-- carts --
-- Carts that were abandoned in the window, and what came of them, by what the retailer did. A cart
-- is abandoned when nothing follows for an hour while something is in it: no change, no order. Where
-- carts have no id, an order or an emptied cart ends one. The first order of something of it decides.
WITH
    -- CTEs of interactions --,
    -- CTEs of baskets --,
    moves AS
    (
        SELECT profile, toUnixTimestamp64Second(occurred_at) AS at_s, cart_id, skus,
            false AS is_order
        FROM interacted WHERE type = 'cart.updated'
        UNION ALL
        SELECT profile, toUnixTimestamp64Second(at), '', [], true FROM baskets
    ),
    followed AS
    (
        SELECT profile, at_s, cart_id, skus, is_order,
            countIf(cart_id = '' AND empty(skus)) OVER
            (
                PARTITION BY profile ORDER BY at_s, is_order
                ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
            ) AS ended,
            leadInFrame(at_s, 1, intDiv({until_ms:Int64}, 1000)) OVER
            (
                PARTITION BY profile, cart_id, is_order ORDER BY at_s
                ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
            ) AS changed_at,
            min(is_order ? toNullable(at_s) : NULL) OVER
            (
                PARTITION BY profile ORDER BY at_s DESC, is_order DESC
                ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
            ) AS ordered_at
        FROM moves
    ),
    left_carts AS
    (
        SELECT profile, min(at_s) AS left_at, argMin(skus, at_s) AS left_skus
        FROM followed
        WHERE NOT is_order AND notEmpty(skus) AND at_s >= intDiv({from_ms:Int64}, 1000)
            AND at_s + 3600 < changed_at AND NOT ifNull(ordered_at <= at_s + 3600, false)
        GROUP BY profile, cart_id, cart_id = '' ? ended : 0
    ),
    orders_of AS
    (
        SELECT profile, arraySort(groupArray((toUnixTimestamp64Second(at), skus))) AS bought
        FROM baskets GROUP BY profile
    ),
    touches AS
    (
        SELECT profile,
            arraySort(groupArrayIf(toUnixTimestamp64Second(occurred_at), kind = 'message'))
                AS reminders,
            arraySort(groupArrayIf(toUnixTimestamp64Second(occurred_at), kind != 'message'))
                AS dialogues
        FROM interacted
        WHERE kind = 'message' AND purpose = 'cart_reminder' AND type IN ('message.sent', 'email.sent')
            OR type = 'message.exchanged' AND author = 'customer'
            OR type = 'support.contacted' AND direction != 'us'
        GROUP BY profile
    ),
    outcomes AS
    (
        SELECT c.profile AS profile, intDiv({until_ms:Int64}, 1000) AS ends, c.left_at AS left_at,
            arrayFirst(x -> x.1 > left_at AND hasAny(x.2, c.left_skus), o.bought).1 AS bought_at,
            least(bought_at > 0 ? bought_at : ends, left_at + 2592001) AS touched_until,
            arrayFilter(x -> x > left_at AND x < touched_until, t.reminders) AS reminders,
            arrayFilter(x -> x > left_at AND x < touched_until, t.dialogues) AS dialogues,
            arrayMax(arrayConcat([left_at], reminders, dialogues)) AS touched_at,
            multiIf(bought_at > touched_at + 604800, 'lost', bought_at > 0 AND touched_at > left_at,
                'rescued', bought_at > 0, 'alone', touched_at + 604800 >= ends, 'open',
                'lost') AS outcome,
            notEmpty(reminders) AS is_reminded, notEmpty(dialogues) AS has_dialogue
        FROM left_carts AS c
        LEFT JOIN orders_of AS o ON c.profile = o.profile
        LEFT JOIN touches AS t ON c.profile = t.profile
    )
SELECT arrayJoin(arrayFilter(x -> x != '', ['all', is_reminded ? 'reminded' : '',
        has_dialogue ? 'dialogue' : '', is_reminded OR has_dialogue ? '' : 'nothing'])) AS part,
    uniqExactIf(profile, outcome != 'open') AS persons, countIf(outcome = 'rescued') AS rescued,
    countIf(outcome = 'alone') AS alone, countIf(outcome = 'lost') AS lost,
    countIf(outcome = 'open') AS open
FROM outcomes GROUP BY part
