-- now --
-- The store's clock, in whole seconds of Unix time, as its views are timed.
SELECT toUnixTimestamp(now())

-- state --
-- How the view is, when its last refresh that succeeded began (Unix seconds), and how long it took.
SELECT status, toUnixTimestamp(coalesce(last_success_time, 0)), last_success_duration_ms / 1000
FROM system.view_refreshes WHERE database = currentDatabase() AND view = 'profile_totals'
