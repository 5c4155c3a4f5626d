-- Incidents bear the id of their fault: books with incidents that last are due once more, so that
-- those stored without one get it at the next tick.

INSERT INTO timers
SELECT realm, kind, subject_type, subject, toDateTime64('1970-01-01 00:00:01', 3, 'UTC'), max(version)
FROM timers
WHERE (realm, kind, subject) IN (
    SELECT realm, if(kind = 'charged_above_advertised', 'price_mismatch', kind), subject
    FROM incident_states FINAL WHERE state NOT IN ('resolved', 'retracted'))
GROUP BY realm, kind, subject_type, subject;
