-- alerts_of --
-- The alerts of an incident at a target.
SELECT labels, ended, tried, revision FROM alert WHERE target = ? AND incident_id = ?

-- alerts_due --
-- Alerts of a target that are to be sent, the earliest first.
SELECT target, incident_id, labels, record, ended, revision
FROM alert WHERE target = ? AND due <= ? ORDER BY due, incident_id, labels LIMIT ?

-- alerts_lasting --
-- Incidents whose alert lasts at some target.
SELECT DISTINCT incident_id FROM alert WHERE ended IS NULL

-- alertmanagers --
-- Targets that were told of everything that is open.
SELECT target FROM alertmanager

-- forget_alertmanagers --
-- Delete the targets that are not in a JSON list.
DELETE FROM alertmanager WHERE target NOT IN (SELECT value FROM json_each(?))

-- forget_alerts --
-- Delete the alerts of targets that are not in a JSON list.
DELETE FROM alert WHERE target NOT IN (SELECT value FROM json_each(?))

-- alerts_overdue --
-- How many alerts are due, and since when the oldest is.
SELECT count(*), min(due) FROM alert WHERE due <= ?
