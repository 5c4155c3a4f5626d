-- persons --
-- Persons with a contact in the window by the most that they had within 7 and within 30 days when
-- one came, and whether another one would be too much when the window ends.
WITH
    -- CTEs of interactions --,
    -- CTEs of contacts --
SELECT most_in_7 AS in_7_days, most_in_30 AS in_30_days, is_blocked, count() AS persons
FROM
(
    SELECT least(maxIf(in_7_days, is_inside), {groups_max:UInt16}) AS most_in_7,
        least(maxIf(in_30_days, is_inside), {groups_max:UInt16}) AS most_in_30,
        countIf(at_s > intDiv({until_ms:Int64}, 1000) - 604800) >= {cap_7:UInt16}
            OR countIf(at_s > intDiv({until_ms:Int64}, 1000) - 2592000) >= {cap_30:UInt16} AS is_blocked
    FROM pressed WHERE is_contact GROUP BY profile HAVING countIf(is_inside) > 0
)
GROUP BY in_7_days, in_30_days, is_blocked

-- bands --
-- Contacts of the window, and customers who unsubscribed or complained, by how many contacts these
-- had had within 7 days.
WITH
    -- CTEs of interactions --,
    -- CTEs of contacts --
SELECT least(in_7_days, {band_max:UInt8}) AS band, uniqExact(profile) AS persons,
    countIf(is_contact) AS contacts, countIf(NOT is_contact) AS opt_outs
FROM pressed WHERE is_inside AND in_7_days > 0 GROUP BY band

-- channels --
-- Contacts of the window by channel.
WITH
    -- CTEs of interactions --,
    -- CTEs of contacts --
SELECT channel, uniqExact(profile) AS persons, count() AS contacts
FROM pressed WHERE is_inside AND is_contact GROUP BY channel
