-- member --
-- An incident of a fault that a target knows, or is to know.
SELECT name, state, page, due FROM member WHERE target = ? AND incident_id = ?

-- heaviest --
-- The member of a fault in one state that is to be told first: pages before digests, then the
-- worst, then the earliest due.
SELECT record, page, rank, due FROM member WHERE target = ? AND name = ? AND state = ?
ORDER BY page DESC, rank DESC, due, incident_id LIMIT 1

-- fault --
-- A fault of a target with what it was told of it.
SELECT fault_id, labels, size, incidents, page, rank, step, returned FROM fault
WHERE target = ? AND name = ?

-- told --
-- The state of a fault that a target was sent last, and the number of that message.
SELECT state, changes FROM told WHERE target = ? AND incident_id = ?

-- waiting --
-- The entry of a fault for a target.
SELECT due, tried, revision, number, record, route FROM outbox WHERE target = ? AND incident_id = ?

-- known_alone --
-- Whether a target heard, or is to hear, of an incident by itself, and not yet of its end.
SELECT 1 FROM told WHERE target = ? AND incident_id = ? AND state NOT IN ('resolved', 'retracted')
UNION ALL SELECT 1 FROM outbox WHERE target = ? AND incident_id = ?

-- members --
-- Incidents of faults that some target knows, or is to know, as not ended.
SELECT DISTINCT incident_id FROM member

-- targets_of --
-- The targets for which an incident is one of a fault, with what they were told of.
SELECT target, record FROM member WHERE incident_id = ?

-- forget_members --
-- Delete the members of targets that are not in a JSON list.
DELETE FROM member WHERE target NOT IN (SELECT value FROM json_each(?))

-- forget_faults --
-- Delete the faults of targets that are not in a JSON list.
DELETE FROM fault WHERE target NOT IN (SELECT value FROM json_each(?))

-- forget_told --
-- Delete what was sent of faults to targets that are not in a JSON list.
DELETE FROM told WHERE incident_id LIKE 'fault:%'
    AND target NOT IN (SELECT value FROM json_each(?))

-- forget_entries --
-- Delete the entries of faults for targets that are not in a JSON list.
DELETE FROM outbox WHERE incident_id LIKE 'fault:%'
    AND target NOT IN (SELECT value FROM json_each(?))
