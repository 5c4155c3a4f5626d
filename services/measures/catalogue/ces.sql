-- groups --
-- Answers with a score, of all and of every group that they belong to.
WITH
    -- CTEs of holders --,
    -- CTEs of answers --,
    given AS
    (
        SELECT *, is_on_scale AND score = floor(score) AND lowest = 1 AND highest = 7 AS is_valid
        FROM answers WHERE score IS NOT NULL
    )
SELECT cell.1 AS by, cell.2 AS key, uniqExactIf(respondent, is_valid) AS respondents,
    countIf(is_valid) AS answers, countIf(is_valid AND score >= 5) AS easy,
    countIf(NOT is_valid) AS invalid
FROM given ARRAY JOIN arrayConcat(cells, [('question', question::String)]) AS cell
GROUP BY by, key
