-- views --
-- The views that are attached to the table of facts.
SELECT arrayJoin(dependencies_table) FROM system.tables
WHERE database = currentDatabase() AND name = 'touchpoints'

-- detached --
-- The views that this process has detached, as far as it has not started anew since.
SELECT table FROM system.detached_tables WHERE database = currentDatabase() AND table LIKE '%\_view'
