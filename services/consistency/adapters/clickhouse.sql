-- prices --
-- All price claims about these articles, of any market.
SELECT market, sku, occurred_at, event_id, ordinal - 1, version, channel, location, basis, price,
    currency, terms
FROM offers FINAL
ARRAY JOIN offers.sku AS sku, offers.market AS market, offers.location AS location,
    offers.basis AS basis, offers.price AS price, offers.currency AS currency,
    offers.terms AS terms, arrayEnumerate(offers.sku) AS ordinal
WHERE realm = {realm:String} AND hasAny(offers.sku, {skus:Array(String)})
    AND sku IN {skus:Array(String)}

-- statements --
-- All claims of one kind about these subjects.
SELECT subject_type, subject, occurred_at, event_id, ordinal - 1, version, channel, body
FROM
(
    SELECT * FROM claims FINAL
    WHERE realm = {realm:String} AND hasAny(claims.subject, {subjects:Array(String)})
)
ARRAY JOIN claims.kind AS kind, claims.subject_type AS subject_type, claims.subject AS subject,
    claims.body AS body, arrayEnumerateUniq(claims.kind) AS ordinal
WHERE kind = {kind:String} AND subject IN {subjects:Array(String)}

-- incidents --
-- Incidents of one kind about these subjects.
SELECT body FROM incident_states FINAL
WHERE realm = {realm:String} AND kind = {kind:String} AND subject IN {subjects:Array(String)}

-- actions --
-- What people did with incidents of one kind about these subjects.
SELECT subject_type, subject, incident_id, action, acted_by, reason, until, acted_at
FROM incident_actions FINAL
WHERE realm = {realm:String} AND kind = {kind:String} AND subject IN {subjects:Array(String)}

-- due --
-- Books whose due time has come. A condition on partitions may be added.
SELECT kind, subject_type, subject FROM timers FINAL
WHERE realm = {realm:String} AND kind IN {kinds:Array(String)} AND due_at > toDateTime64(0, 3)
    AND due_at <= {now:DateTime64(3, 'UTC')}

-- ticks --
-- The latest tick of a realm, by the names of its properties.
SELECT max(toInt64(value)) FROM properties FINAL
WHERE name IN {names:Array(String)} OR startsWith(name, {prefix:String})
