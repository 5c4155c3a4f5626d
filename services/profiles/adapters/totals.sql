-- realms --
-- The realms as they were registered.
SELECT realm, currency, personal_types FROM realms FINAL

-- now --
-- The store's clock, in whole seconds of Unix time, as its views are timed.
SELECT toUnixTimestamp(now())

-- state --
-- How the view is, when its last refresh that succeeded began (Unix seconds), and how long it took.
SELECT status, toUnixTimestamp(coalesce(last_success_time, 0)), last_success_duration_ms / 1000
FROM system.view_refreshes WHERE database = currentDatabase() AND view = 'profile_totals'

-- refreshed_at --
-- When the totals of a realm were computed, and how many profiles they have.
SELECT max(refreshed_at), count() FROM profile_totals WHERE realm = {realm:String}

-- totals --
-- A page of the totals of a realm.
SELECT profile, identifiers_count, orders, returns, cancellations, revenue, returned, currency,
    first_contact, last_contact, last_active, channels FROM profile_totals
WHERE realm = {realm:String} AND ({is_first:Bool} OR profile > {after:UUID})
ORDER BY profile LIMIT {limit:UInt32}
