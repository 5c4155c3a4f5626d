-- The embedded engine keeps watermarks, too: those of what it has stored. Workers have theirs already,
-- and the latest times win.

INSERT INTO watermarks
SELECT realm, channel, max(least(occurred_at, received_at)), max(received_at) FROM touchpoints
GROUP BY realm, channel;
