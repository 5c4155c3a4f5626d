-- What was observed ends by time alone now: books with incidents are due once more, so that those which
-- were stored open for ever are judged at the next tick.

INSERT INTO timers
SELECT realm, kind, subject_type, subject, toDateTime64('1970-01-01 00:00:01', 3, 'UTC'),
    max(version)
FROM timers
WHERE (realm, kind, subject) IN (SELECT realm, kind, subject FROM incident_states)
GROUP BY realm, kind, subject_type, subject;
