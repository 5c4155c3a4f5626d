-- reached --
-- The latest event time of every channel of every realm, which counts as its receipt, too.
SELECT realm, channel, max(occurred_at) AS reached, reached FROM touchpoints
GROUP BY realm, channel
