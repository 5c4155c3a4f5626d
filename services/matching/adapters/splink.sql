-- The statements of Splink's own engine, DuckDB.

-- persons --
-- The persons that are compared.
CREATE TABLE persons
(
    person VARCHAR, given_name VARCHAR, given_first VARCHAR, given_root VARCHAR,
    given_is_common BOOLEAN, family_name VARCHAR, generation VARCHAR, birth_date VARCHAR,
    street VARCHAR, house_number VARCHAR, postal_code VARCHAR, city VARCHAR, phones VARCHAR[],
    emails VARCHAR[], mailboxes VARCHAR[]
)

-- keys --
-- Their keys; two persons with a key in common are compared.
CREATE TABLE keys (person VARCHAR, key VARCHAR)

-- once --
-- Drops persons that arrived twice, as one does whose profile was split while they were read.
DELETE FROM persons WHERE rowid NOT IN (SELECT min(rowid) FROM persons GROUP BY person)

-- persons_count --
-- How many there are.
SELECT count(*) FROM persons

-- frequent --
-- The values of a column that more than so many persons have: the telephone of a call centre, an
-- address of the shop's own, one that is typed to try things out.
CREATE OR REPLACE TEMP TABLE frequent AS
SELECT value FROM (SELECT DISTINCT person, unnest({column}) AS value FROM persons)
GROUP BY value HAVING count(*) > $holders

-- evidence --
-- Takes them from whoever has them.
UPDATE persons SET {column} = kept.own
FROM
(
    SELECT person,
        coalesce(list(value ORDER BY value) FILTER (WHERE frequent.value IS NULL), []) AS own
    FROM (SELECT person, unnest({column}) AS value FROM persons) AS had
    LEFT JOIN frequent USING (value)
    GROUP BY person HAVING count(frequent.value) > 0
) AS kept
WHERE persons.person = kept.person

-- pairs --
-- The pairs that share a key, each once. A key that too many have is not used.
CREATE TABLE pairs AS
WITH used AS
(
    SELECT key FROM keys GROUP BY key HAVING count(*) BETWEEN 2 AND $holders
),
held AS (SELECT person, key FROM keys SEMI JOIN used USING (key))
SELECT DISTINCT a.person AS join_key_l, b.person AS join_key_r, '0' AS match_key
FROM held AS a JOIN held AS b ON a.key = b.key AND a.person < b.person

-- count --
-- How many pairs are compared.
SELECT count(*) FROM pairs

-- certain --
-- How many pairs are one person with near certainty.
SELECT count(*)
FROM pairs JOIN persons AS a ON a.person = join_key_l JOIN persons AS b ON b.person = join_key_r
WHERE a.given_first = b.given_first
    AND (a.family_name = b.family_name
            AND a.birth_date = b.birth_date
        OR coalesce(a.birth_date = b.birth_date, true)
            AND list_has_any(a.emails, b.emails))

-- sample --
-- Some persons, the same ones in whatever order they arrived.
CREATE OR REPLACE TABLE sample AS FROM persons ORDER BY md5(person), person LIMIT $persons

-- part --
-- One in so many of the pairs, the same ones in whatever order.
CREATE OR REPLACE TABLE part AS
FROM pairs WHERE $part = 1 OR md5_number_lower(join_key_l || '/' || join_key_r) % $part = 0

-- patterns --
-- How many pairs look alike.
SELECT {degrees}, round({rarity}) AS rarity, count(*) AS pairs
FROM {table} GROUP BY ALL ORDER BY ALL

-- frequencies --
-- How frequent each value of a column is among others than the two that share it. In a small shop
-- two of a value are no sign that it is frequent, so usual frequency counts as some persons do.
CREATE OR REPLACE TABLE frequencies_{column} AS
SELECT {column}, (greatest(count(*) - 2, 0) + $usual * $weight) / ($persons + $weight)
    AS tf_{column}
FROM persons WHERE {column} IS NOT NULL GROUP BY {column}

-- scored --
-- The scored pairs with what speaks for a household: members of one are as probable as `share` for
-- each pair of one person, and by `household` more for what this pair shows.
CREATE OR REPLACE TABLE scored AS
SELECT *, -log2(pow(2, -match_weight) + {share} * pow(2, household)) AS weight,
    1 / (1 + pow(2, -weight)) AS probability
FROM
(
    SELECT person_l, person_r, match_weight, {columns},
        {household} + CASE WHEN generation_l <> generation_r THEN {generations} ELSE 0 END
            AS household
    FROM {table}
)

-- households --
-- How many pairs are not proposed because they may be of one household.
SELECT count(*) FROM scored WHERE probability < $least

-- proposed --
-- The pairs that are proposed, the most probable first.
SELECT person_l, person_r, probability, weight, weight - match_weight,
    * EXCLUDE (person_l, person_r, probability, weight, match_weight, household)
FROM scored WHERE probability >= $least ORDER BY weight DESC, person_l, person_r
