-- visits --
-- Visits of the window in which something was put into a cart, by whether the person had ordered
-- before and whether there was a dialogue: how many ended in an order, on whatever channel. A visit
-- has 24 hours from the first cart on.
WITH
    -- CTEs of interactions --,
    -- CTEs of baskets --,
    carts AS
    (
        SELECT profile, arraySort(groupUniqArray(toUnixTimestamp64Second(occurred_at))) AS filled,
            arrayJoin(arrayFold((acc, at) -> if(empty(acc) OR at >= acc[-1] + 86400,
                arrayPushBack(acc, at), acc), filled, []::Array(Int64))) AS begins
        FROM interacted WHERE type = 'cart.updated' AND notEmpty(skus)
        GROUP BY profile
    ),
    orders_of AS
    (
        SELECT profile, arraySort(groupArray(toUnixTimestamp64Second(at))) AS bought
        FROM baskets GROUP BY profile
    ),
    talks AS
    (
        SELECT profile, arraySort(groupArray(toUnixTimestamp64Second(occurred_at))) AS talked
        FROM interacted
        WHERE type = 'message.exchanged' AND author = 'customer'
            OR type = 'support.contacted' AND direction != 'us'
        GROUP BY profile
    ),
    visits AS
    (
        SELECT c.profile AS profile, c.begins AS begins,
            arrayFirst(at -> at >= begins AND at <= begins + 86400, o.bought) AS ordered,
            arrayExists(at -> at < begins, o.bought) AS is_regular,
            arrayExists(at -> at >= begins
                AND at <= if(ordered > 0, ordered, begins + 86400), t.talked) AS has_dialogue,
            multiIf(ordered > 0, 'ordered', begins + 86400 >= intDiv({until_ms:Int64}, 1000),
                'open', 'left') AS outcome
        FROM carts AS c
        LEFT JOIN orders_of AS o ON c.profile = o.profile
        LEFT JOIN talks AS t ON c.profile = t.profile
        WHERE begins >= intDiv({from_ms:Int64}, 1000)
    )
SELECT arrayJoin(['all', is_regular ? 'regulars' : 'newcomers',
        has_dialogue ? 'with_dialogue' : 'without_dialogue']) AS part,
    uniqExactIf(profile, outcome != 'open') AS persons, countIf(outcome = 'ordered') AS ordered_in,
    countIf(outcome = 'left') AS left_in, countIf(outcome = 'open') AS open
FROM visits GROUP BY part
