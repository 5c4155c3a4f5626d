-- fact_tables --
-- Tables whose rows are keyed by anchor and event id.
SELECT DISTINCT table FROM system.columns
WHERE database = currentDatabase() AND name = 'event_id'
    AND table IN (SELECT table FROM system.columns WHERE database = currentDatabase()
        AND name = 'node')
    AND table NOT LIKE '%\_view' AND table != 'id_conflicts' ORDER BY table

-- any_row --
-- Whether a table holds rows of any of these events.
SELECT 1 FROM {table:Identifier} WHERE realm = {realm:String} AND node IN {nodes:Array(UUID)}
    AND event_id IN {events:Array(String)} LIMIT 1
