-- position --
-- How far incidents were read.
SELECT last_id FROM position

-- told --
-- What a target was sent of an incident last.
SELECT state, severity, changes FROM told WHERE target = ? AND incident_id = ?

-- waiting_entry --
-- The entry of an incident for a target.
SELECT due, tried, revision FROM outbox WHERE target = ? AND incident_id = ?

-- due --
-- Entries of a target that are due, the earliest first.
SELECT target, incident_id, due, route, record, labels, number, refusals, revision
FROM outbox WHERE target = ? AND due <= ? ORDER BY due, incident_id LIMIT ?

-- lasting --
-- Incidents that some target knows, or is to know, as not ended.
SELECT incident_id FROM told
WHERE state NOT IN ('resolved', 'retracted') AND incident_id NOT LIKE 'fault:%'
UNION SELECT incident_id FROM outbox WHERE incident_id NOT LIKE 'fault:%'

-- given_up --
-- Events that targets refused.
SELECT target, message_id, status, at FROM given_up ORDER BY at, target, message_id

-- waiting --
-- By target how many entries there are, and when the oldest was due.
SELECT target, count(*), min(due) FROM outbox GROUP BY target ORDER BY target

-- overdue --
-- How many entries are due, and since when the oldest is.
SELECT count(*), min(due) FROM outbox WHERE due <= ?
