-- Statements on the temporary file that a simulation keeps (SQLite).

-- renamed --
-- Profiles of which only the id differs: all of one, and of nobody else, are in the other.
CREATE TABLE renamed AS
WITH one AS
(
    SELECT old, min(new) AS new FROM moved WHERE old IS NOT NULL
    GROUP BY old HAVING count(DISTINCT new) = 1 AND count(new) = count(*)
)
SELECT old, new FROM one
WHERE old != new AND old IN (SELECT node FROM moved WHERE old != new)
    AND EXISTS (SELECT 1 FROM moved AS own WHERE own.node = one.new AND own.old = one.old)
    AND NOT EXISTS (SELECT 1 FROM moved AS it WHERE it.new = one.new AND it.old IS NOT one.old)

-- persons --
-- How many persons come from several, and of how many persons several come. What a profile's own
-- node says stands for all that stay with it.
WITH persons AS
(
    SELECT DISTINCT old, new FROM moved WHERE old_kind = 'person' AND new_kind = 'person'
    UNION
    SELECT old, old FROM moved WHERE old_kind = 'person' AND new_kind = 'person'
        AND old NOT IN (SELECT node FROM moved)
    UNION
    SELECT new, new FROM moved WHERE old_kind = 'person' AND new_kind = 'person'
        AND new NOT IN (SELECT node FROM moved)
)
SELECT
    (SELECT count(*) FROM (SELECT new FROM persons GROUP BY new HAVING count(*) > 1)),
    (SELECT count(*) FROM (SELECT old FROM persons GROUP BY old HAVING count(*) > 1))

-- changed --
-- How many profiles gain or lose identifiers, but for those that get another id only.
SELECT count(*) FROM
(
    SELECT old AS profile FROM moved WHERE old IS NOT new
    UNION SELECT new FROM moved WHERE old IS NOT new
)
WHERE profile IS NOT NULL AND profile NOT IN (SELECT old FROM renamed)
    AND profile NOT IN (SELECT new FROM renamed)

-- largest --
-- The profiles that gain and lose the most identifiers together.
SELECT profile, sum(lost), sum(gained) FROM
(
    SELECT old AS profile, 1 AS lost, 0 AS gained FROM moved WHERE old IS NOT new
    UNION ALL SELECT new, 0, 1 FROM moved WHERE old IS NOT new
)
WHERE profile IS NOT NULL AND profile NOT IN (SELECT old FROM renamed)
    AND profile NOT IN (SELECT new FROM renamed)
GROUP BY profile ORDER BY sum(lost) + sum(gained) DESC, profile LIMIT ?

-- lost --
-- The profiles that most of what a profile loses goes to.
SELECT new, count(*), min(node) FROM moved WHERE old = ? AND old IS NOT new
GROUP BY new ORDER BY count(*) DESC, new LIMIT ?

-- gained --
-- The profiles that most of what a profile gains comes from.
SELECT old, count(*), min(node) FROM moved WHERE new = ? AND old IS NOT new
GROUP BY old ORDER BY count(*) DESC, old LIMIT ?

-- shared --
-- Identifiers that become shared (1), or are it no longer (0).
SELECT node FROM moved
WHERE (new_kind IS 'shared') != (old_kind IS 'shared') AND (new_kind IS 'shared') = ?
ORDER BY node LIMIT ?

-- count_shared --
-- How many identifiers become shared (1), or are it no longer (0).
SELECT count(*) FROM moved
WHERE (new_kind IS 'shared') != (old_kind IS 'shared') AND (new_kind IS 'shared') = ?

-- refusals --
-- Refusals of one side that the other does not have with the same reason, by reason.
SELECT reason, count(*) FROM refusals AS one WHERE side = ? AND NOT EXISTS
(
    SELECT 1 FROM refusals AS other
    WHERE (other.a, other.b, other.is_decision) = (one.a, one.b, one.is_decision)
        AND other.side != one.side AND other.reason = one.reason
)
GROUP BY reason ORDER BY reason

-- count_renamed --
-- How many profiles get another id only.
SELECT count(*) FROM renamed

-- moved --
-- How many identifiers come into another profile, or on the map, or off it.
SELECT count(*) FROM moved
WHERE (old IS NOT new AND old NOT IN (SELECT old FROM renamed)) OR (old IS NULL) != (new IS NULL)

-- place --
-- The profiles of an identifier before and after, if they differ.
SELECT old, new FROM moved WHERE node = ?

-- sizes --
-- The most that a profile has before and after, and how many profiles have more than so many.
SELECT coalesce(max(before), 0), coalesce(max(after), 0), coalesce(sum(before > ?), 0),
    coalesce(sum(after > ?), 0)
FROM (SELECT sum(before) AS before, sum(after) AS after FROM sizes GROUP BY profile)
