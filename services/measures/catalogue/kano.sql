-- groups --
-- Pairs of answers to a feature, and halves of pairs, by survey and wave. Of a respondent the latest answer
-- of each form in a wave counts, so pairs are respondents.
WITH
    -- CTEs of holders --,
    -- CTEs of answers --,
    paired AS
    (
        SELECT survey, wave, question::String AS feature, respondent,
            anyIf(choice, form = 'functional') AS functional,
            anyIf(choice, form = 'dysfunctional') AS dysfunctional
        FROM answers WHERE form != '' GROUP BY survey, wave, feature, respondent
    )
SELECT survey, wave, feature, functional, dysfunctional, count() AS pairs
FROM paired GROUP BY survey, wave, feature, functional, dysfunctional

-- everybody --
-- Whoever gave a whole pair.
WITH
    -- CTEs of holders --,
    -- CTEs of answers --
SELECT uniqExact(respondent) AS respondents FROM
(
    SELECT respondent FROM answers WHERE form != ''
    GROUP BY respondent, survey, wave, question HAVING uniqExact(form) = 2
)
