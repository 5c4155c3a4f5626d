-- reached --
-- The latest event time of every channel of every realm, which counts as its receipt, too. Synthetic
-- events move no time.
SELECT realm, channel, max(occurred_at) AS reached, reached FROM touchpoints WHERE NOT synthetic
GROUP BY realm, channel
