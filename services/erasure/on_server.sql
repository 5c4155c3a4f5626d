-- incidents --
-- The incidents about these customers and cases.
SELECT DISTINCT incident_id FROM incident_states
WHERE realm = {realm:String} AND (subject_type = 'customer' AND subject IN {customers:Array(String)}
    OR subject_type = 'case' AND cityHash64(subject) IN {cases:Array(UInt64)})

-- rewritten --
-- Incidents of others from which an erasure has taken what named a person.
SELECT body, version FROM incident_states FINAL
WHERE realm = {realm:String} AND position(body, concat('"', {text:String}, '"')) > 0

-- around --
-- How far the removal of an erasure is, what was around the person, and what the person only stated.
SELECT stage, touched, marked, stated FROM erasure_runs FINAL
WHERE realm = {realm:String} AND erasure_id = {id:String}
