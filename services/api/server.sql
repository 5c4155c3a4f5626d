-- realms --
-- The realms as they were registered.
SELECT realm, currency, personal_types FROM realms FINAL
