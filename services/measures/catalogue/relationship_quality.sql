-- dimensions --
-- Respondents of the window by the mean of their latest answers to the questions of each dimension, and
-- of all three together, from 0 to 100. A question belongs to the dimension with whose name it begins.
WITH
    -- CTEs of opinions --,
    -- CTEs of quality --,
    means AS
    (
        SELECT respondent, dimension, toInt64(round(avg(percent))) AS mean FROM quality
        GROUP BY respondent, dimension
    )
SELECT dimension, count() AS respondents, sum(mean) / 1e3 AS total,
    sum(mean * mean) / 1e6 AS squares
FROM
(
    SELECT dimension, mean FROM means
    UNION ALL
    SELECT '', toInt64(round(avg(mean))) FROM means GROUP BY respondent HAVING count() = 3
)
GROUP BY dimension

-- items --
-- Answers to each question that at least half of the respondents of its dimension answered, and their
-- sum (empty question), of those who answered all of these.
WITH
    -- CTEs of opinions --,
    -- CTEs of quality --,
    asked AS
    (
        SELECT dimension, groupArray(question) AS questions
        FROM
        (
            SELECT q.dimension AS dimension, q.question AS question
            FROM quality AS q
            INNER JOIN
            (
                SELECT dimension, uniqExact(respondent) AS respondents FROM quality
                GROUP BY dimension
            ) AS d ON q.dimension = d.dimension
            GROUP BY dimension, question HAVING 2 * count() >= any(d.respondents)
        )
        GROUP BY dimension
    ),
    complete AS
    (
        SELECT q.dimension AS dimension, q.respondent AS respondent,
            groupArray((q.question, q.percent)) AS given, any(length(a.questions)) AS wanted
        FROM quality AS q INNER JOIN asked AS a ON q.dimension = a.dimension
        WHERE has(a.questions, q.question)
        GROUP BY dimension, respondent HAVING length(given) = wanted
    )
SELECT dimension, answer.1 AS question, count() AS respondents, sum(answer.2) / 1e3 AS total,
    sum(answer.2 * answer.2) / 1e6 AS squares
FROM complete
ARRAY JOIN arrayConcat(given, [('', arraySum(arrayMap(x -> x.2, given)))]) AS answer
GROUP BY dimension, question
