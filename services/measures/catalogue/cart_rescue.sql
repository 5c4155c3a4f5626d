-- carts --
-- Carts that were abandoned in the window, and what came of them, by what the retailer did. A cart
-- is abandoned when nothing follows for an hour while something is in it: no change, no order.
WITH
    -- CTEs of interactions --,
    -- CTEs of baskets --,
    updates AS
    (
        SELECT profile, cart_id,
            arraySort(groupArray((toUnixTimestamp64Second(occurred_at), skus))) AS updated
        FROM interacted WHERE type = 'cart.updated' GROUP BY profile, cart_id
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
    abandoned AS
    (
        SELECT u.profile AS profile, u.cart_id AS cart_id, o.bought AS bought,
            intDiv({until_ms:Int64}, 1000) AS ends,
            arrayFirst((one, next) -> notEmpty(one.2) AND one.1 + 3600 < least(next, ends)
                AND NOT arrayExists(x -> x.1 >= one.1 AND x.1 <= one.1 + 3600, o.bought), u.updated,
                arrayPushBack(arrayMap(x -> x.1, arrayPopFront(u.updated)), ends)) AS cart,
            cart.1 AS left_at, cart.2 AS skus,
            arrayFilter(x -> x > left_at AND x <= left_at + 2592000, t.reminders) AS reminders,
            arrayFilter(x -> x > left_at AND x <= left_at + 2592000, t.dialogues) AS dialogues,
            arrayConcat(reminders, dialogues) AS touched
        FROM updates AS u
        LEFT JOIN orders_of AS o ON u.profile = o.profile
        LEFT JOIN touches AS t ON u.profile = t.profile
        WHERE left_at >= intDiv({from_ms:Int64}, 1000) AND left_at > 0
    ),
    outcomes AS
    (
        SELECT profile,
            arrayFilter(x -> x.1 > left_at AND hasAny(x.2, skus), bought) AS later,
            multiIf(
                arrayExists(x -> arrayExists(at -> at < x.1 AND x.1 <= at + 604800, touched), later),
                'rescued',
                arrayExists(x -> x.1 <= left_at + 604800, later), 'alone',
                arrayMax(arrayPushBack(touched, left_at)) + 604800 >= ends, 'open',
                'lost') AS outcome,
            notEmpty(reminders) AS is_reminded, notEmpty(dialogues) AS has_dialogue
        FROM abandoned
    )
SELECT arrayJoin(arrayFilter(x -> x != '', ['all', is_reminded ? 'reminded' : '',
        has_dialogue ? 'dialogue' : '', is_reminded OR has_dialogue ? '' : 'nothing'])) AS part,
    uniqExactIf(profile, outcome != 'open') AS persons, countIf(outcome = 'rescued') AS rescued,
    countIf(outcome = 'alone') AS alone, countIf(outcome = 'lost') AS lost,
    countIf(outcome = 'open') AS open
FROM outcomes GROUP BY part
