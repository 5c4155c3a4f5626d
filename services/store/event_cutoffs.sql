-- realms --
-- Realms of which there are events.
SELECT DISTINCT realm FROM touchpoints

-- standing --
-- The cut-offs that are noted: realm, type, before (Unix milliseconds) and stage.
SELECT realm, type, toUnixTimestamp64Milli(before), stage FROM event_cutoffs FINAL
ORDER BY realm, type
