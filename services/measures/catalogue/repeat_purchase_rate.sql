-- buyers --
-- Persons with an occasion in the window by how many they have in it, and ever up to its end; two
-- stand for more.
WITH
    -- CTEs of purchases --,
    -- CTEs of occasions --,
    buyers AS
    (
        SELECT least(countIf(is_inside), 2) AS inside, least(count(), 2) AS ever
        FROM occasions GROUP BY profile HAVING inside > 0
    )
SELECT inside, ever, count() AS persons FROM buyers GROUP BY inside, ever

-- numbered --
-- Revenue of the occasions in the window that were a person's first, second, … of all, five stands
-- for more.
WITH
    -- CTEs of purchases --,
    -- CTEs of occasions --
SELECT least(number, 5) AS number, uniqExact(profile) AS persons, count() AS occasions,
    sum(revenue) AS revenue
FROM occasions WHERE is_inside GROUP BY number
