-- groups --
-- Answers to `recommend` by class, of all and of every group that they belong to.
WITH
    -- CTEs of holders --,
    -- CTEs of answers --,
    given AS
    (
        SELECT *, is_on_scale AND score = floor(score) AND lowest IN (0, 1) AND highest = 10 AS is_valid
        FROM answers WHERE question = 'recommend' AND score IS NOT NULL
    )
SELECT cell.1 AS by, cell.2 AS key, uniqExactIf(respondent, is_valid) AS respondents,
    countIf(is_valid AND score >= 9) AS promoters,
    countIf(is_valid AND score IN (7, 8)) AS passives,
    countIf(is_valid AND score <= 6) AS detractors, countIf(NOT is_valid) AS invalid,
    countIf(is_valid AND lowest = 1) AS from_one, toUnixTimestamp64Milli(min(at)) AS first_ms
FROM given ARRAY JOIN cells AS cell GROUP BY by, key
