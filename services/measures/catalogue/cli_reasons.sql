-- reasons --
-- Responses by the reason that they give, and their loyalty index where it is whole.
WITH
    -- CTEs of holders --,
    -- CTEs of answers --,
    -- CTEs of loyalty --
SELECT reason IN ('quality', 'price', 'service') ? reason : 'other' AS reason,
    uniqExact(respondent) AS respondents, count() AS responses,
    uniqExactIf(respondent, is_whole) AS whole_respondents, countIf(is_whole) AS whole,
    sumIf(loyalty, is_whole) AS total, sumIf(loyalty * loyalty, is_whole) AS squares
FROM loyal WHERE loyal.reason != '' GROUP BY reason

-- everybody --
-- Whoever gave a reason.
WITH
    -- CTEs of holders --,
    -- CTEs of answers --,
    -- CTEs of loyalty --
SELECT uniqExact(respondent) AS respondents FROM loyal WHERE reason != ''
