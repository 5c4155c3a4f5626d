-- The books of some partitions are those that services/stream/claim_records.py places there.

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

-- customer_statements --
-- All claims of one kind whose events have these anchors, with the anchor first.
SELECT node, occurred_at, event_id, ordinal - 1, version, channel, body
FROM
(
    SELECT * FROM claims FINAL WHERE realm = {realm:String} AND node IN {nodes:Array(UUID)}
)
ARRAY JOIN claims.kind AS kind, claims.body AS body, arrayEnumerateUniq(claims.kind) AS ordinal
WHERE kind = {kind:String}

-- incidents --
-- Incidents of some kinds about these subjects.
SELECT body FROM incident_states FINAL
WHERE realm = {realm:String} AND kind IN {kinds:Array(String)} AND subject IN {subjects:Array(String)}

-- actions --
-- What people did with incidents of one kind about these subjects.
SELECT subject_type, subject, incident_id, action, acted_by, reason, until, acted_at
FROM incident_actions FINAL
WHERE realm = {realm:String} AND kind = {kind:String} AND subject IN {subjects:Array(String)}

-- due --
-- Books whose due time has come, of all partitions or some.
SELECT kind, subject_type, subject FROM timers FINAL
WHERE realm = {realm:String} AND kind IN {kinds:Array(String)} AND due_at > toDateTime64(0, 3)
    AND due_at <= {now:DateTime64(3, 'UTC')}
    AND ({is_any:Bool} OR
        kafkaMurmurHash(concat(realm, '\x1f', subject)) % {total:UInt32} IN {partitions:Array(UInt32)})

-- ticks --
-- The latest tick of a realm, by the names of its properties.
SELECT max(toInt64(value)) FROM properties FINAL
WHERE name IN {names:Array(String)} OR startsWith(name, {prefix:String})

-- price_books --
-- Books of price claims, of all partitions or some: a channel of each, and whether it is the only
-- one and has published nothing.
SELECT realm, 'price_mismatch', 'product', subject, any(channel),
    uniqExact(channel) = 1 AND countIf(basis = 'published') = 0
FROM
(
    SELECT realm, channel, basis, concat(market, '\x1f', sku) AS subject
    FROM offers
    ARRAY JOIN offers.sku AS sku, offers.market AS market, offers.basis AS basis
)
WHERE {is_any:Bool} OR
    kafkaMurmurHash(concat(realm, '\x1f', subject)) % {total:UInt32} IN {partitions:Array(UInt32)}
GROUP BY realm, subject

-- statement_books --
-- The same of the claims of all other kinds, without those about customers, which are all judged.
SELECT realm, kind, subject_type, subject, any(channel),
    uniqExact(channel) = 1 AND countIf(JSONExtractString(body, 'basis') = 'published') = 0
FROM claims
ARRAY JOIN claims.kind AS kind, claims.subject_type AS subject_type, claims.subject AS subject,
    claims.body AS body
WHERE subject_type != 'customer' AND ({is_any:Bool} OR
    kafkaMurmurHash(concat(realm, '\x1f', subject)) % {total:UInt32} IN {partitions:Array(UInt32)})
GROUP BY realm, kind, subject_type, subject
