-- groups --
-- Responses with the three answers, each from 0 to 100, of all and of every group that they belong to.
WITH
    -- CTEs of holders --,
    -- CTEs of answers --,
    -- CTEs of loyalty --
SELECT cell.1 AS by, cell.2 AS key, uniqExactIf(respondent, is_whole) AS respondents,
    countIf(is_whole) AS responses, countIf(NOT is_whole) AS incomplete,
    sumIf(loyalty, is_whole) AS total, sumIf(loyalty * loyalty, is_whole) AS squares
FROM loyal ARRAY JOIN cells AS cell GROUP BY by, key
