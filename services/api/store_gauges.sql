-- parts --
-- Active parts of the fullest partition of each table: the number that ClickHouse limits.
SELECT table, max(parts) FROM
(
    SELECT table, partition_id, count() AS parts FROM system.parts
    WHERE database = currentDatabase() AND active
    GROUP BY table, partition_id
)
GROUP BY table ORDER BY table

-- largest --
-- Identifiers of these types of the person that has most of them; 0 without persons.
SELECT max(held) FROM
(
    SELECT count() AS held FROM map FINAL
    WHERE realm = {realm:String} AND kind = 'person' AND type IN {counted:Array(String)}
    GROUP BY profile
)

-- incidents --
-- How many incidents are in these states, by kind, severity and state, and since when (Unix ms) the
-- oldest of them is. The severity stands in the body, which is read where such an incident is: most
-- have ended long ago.
SELECT kind, JSONExtractString(body, 'severity') AS severity, state, count(),
    toUnixTimestamp64Milli(min(since))
FROM incident_states FINAL
WHERE state IN {states:Array(String)} AND (realm, kind, subject, incident_id) IN
    (
        SELECT realm, kind, subject, incident_id FROM incident_states FINAL
        WHERE state IN {states:Array(String)}
    )
GROUP BY kind, severity, state

-- insights --
-- What measures were when they were kept last, and when that was (Unix ms); the value is null where
-- it is not shown.
SELECT realm, measure, JSONExtract(result, 'value', 'Nullable(Float64)') AS value,
    toUnixTimestamp64Milli(computed_at) AS kept_ms
FROM insight_values
WHERE realm IN {realms:Array(String)} AND measure IN {measures:Array(String)}
    AND (realm, measure, computed_at) IN
    (
        SELECT realm, measure, max(computed_at) FROM insight_values
        WHERE realm IN {realms:Array(String)} AND measure IN {measures:Array(String)}
        GROUP BY realm, measure
    )
LIMIT 1 BY realm, measure
