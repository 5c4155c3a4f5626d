-- highest --
-- The highest version in each of these parts.
SELECT _part, max(version) FROM incident_states WHERE _part IN {parts:Array(String)} GROUP BY _part

-- latest --
-- The highest version of any incident up to one, in these parts; 0 if there is none.
SELECT max(version) FROM incident_states
WHERE _part IN {parts:Array(String)} AND version <= {until:UInt64}

-- changed --
-- Incidents that batches wrote, each as the latest of these batches did, in the order of batch and
-- id. Deliberately without FINAL: a row is left out only for a later one of the same range.
SELECT version, body FROM
(
    SELECT version, incident_id, body FROM incident_states
    WHERE _part IN {parts:Array(String)}
        AND version >= {after:UInt64} AND version <= {until:UInt64}
    ORDER BY version DESC, _block_number DESC LIMIT 1 BY realm, kind, subject, incident_id
)
WHERE (version, incident_id) > ({after:UInt64}, {after_id:String})
ORDER BY version, incident_id LIMIT {rows:UInt32}
