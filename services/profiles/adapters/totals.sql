-- realms --
-- The realms as they were registered.
SELECT realm, currency, personal_types FROM realms FINAL

-- refreshed_at --
-- When the totals of a realm were computed, and how many profiles they have: without those that were
-- erased since.
SELECT max(refreshed_at), countIf(profile NOT IN (
    SELECT node FROM erasures WHERE realm = {realm:String} AND erased_at >= (
        SELECT max(refreshed_at) FROM profile_totals WHERE realm = {realm:String})))
FROM profile_totals WHERE realm = {realm:String}

-- totals --
-- A page of the totals of a realm.
SELECT profile, identifiers_count, orders, returns, cancellations, revenue, returned, currency,
    first_contact, last_contact, last_active, channels FROM profile_totals
WHERE realm = {realm:String} AND ({is_first:Bool} OR profile > {after:UUID})
    AND profile NOT IN (
        SELECT node FROM erasures WHERE realm = {realm:String} AND erased_at >= (
            SELECT max(refreshed_at) FROM profile_totals WHERE realm = {realm:String}))
ORDER BY profile LIMIT {limit:UInt32}
