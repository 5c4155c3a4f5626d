-- The books of some partitions are those that services/stream/claim_records.py places there.

-- prices --
-- All price claims about these articles, of any market. An event that was corrected and says nothing
-- of an article any more has its former claims there still: its newest body counts. First of all,
-- what may have cancelled the order, if these subjects are asked for; what that takes back follows
-- from the facts (services/consistency/core/cancelled_orders.py).
WITH corrected AS
    (
        SELECT event_id, max(version) AS newest FROM offers
        WHERE (realm, node, event_id) IN (SELECT realm, node, event_id FROM former_books
            WHERE realm = {realm:String} AND kind = 'price_mismatch'
                AND splitByChar('\x1f', subject, 2)[2] IN {skus:Array(String)})
        GROUP BY event_id
    ),
    cancelled AS
    (
        SELECT event_id, groupUniqArray(concat(by_issuer, '\x1f', by_number)) AS cancelled_by
        FROM cancelled_claims
        WHERE realm = {realm:String} AND kind = 'price_mismatch'
            AND subject IN {subjects:Array(String)}
        GROUP BY event_id
    )
SELECT cancelled_by, UUIDToNum(node), market, sku, occurred_at, event_id, ordinal, version, channel,
    location, basis, price, currency, terms
FROM (SELECT * FROM price_claims FINAL
    WHERE realm = {realm:String} AND sku IN {skus:Array(String)}) AS found
LEFT JOIN corrected USING (event_id)
LEFT JOIN cancelled USING (event_id)
WHERE version >= newest

-- statements --
-- All claims of these kinds about these subjects; see above about corrected events.
WITH corrected AS
    (
        SELECT event_id, max(version) AS newest FROM claims
        WHERE (realm, node, event_id) IN (SELECT realm, node, event_id FROM former_books
            WHERE realm = {realm:String} AND kind IN {kinds:Array(String)}
                AND subject IN {subjects:Array(String)})
        GROUP BY event_id
    )
SELECT kind, subject_type, subject, occurred_at, event_id, ordinal, version, channel, body
FROM (SELECT * FROM statements FINAL WHERE realm = {realm:String} AND kind IN {kinds:Array(String)}
    AND subject IN {subjects:Array(String)}) AS found
LEFT JOIN corrected USING (event_id)
WHERE version >= newest

-- customer_statements --
-- All claims of these kinds whose events have these anchors, with the anchor; before it, what may
-- have cancelled the order.
WITH cancelled AS
    (
        SELECT event_id, groupUniqArray(concat(by_issuer, '\x1f', by_number)) AS cancelled_by
        FROM cancelled_claims
        WHERE realm = {realm:String} AND kind IN {kinds:Array(String)}
            AND subject IN arrayMap(node -> toString(node), {nodes:Array(UUID)})
        GROUP BY event_id
    )
SELECT cancelled_by, UUIDToNum(node), kind, occurred_at, event_id, ordinal, version, channel, body
FROM
(
    SELECT node, kind, occurred_at, event_id, number - 1 AS ordinal, version, channel, body
    FROM (SELECT * FROM claims FINAL WHERE realm = {realm:String} AND node IN {nodes:Array(UUID)})
    ARRAY JOIN claims.kind AS kind, claims.body AS body, arrayEnumerateUniq(claims.kind) AS number
    WHERE kind IN {kinds:Array(String)}
) AS found
LEFT JOIN cancelled USING (event_id)

-- claimed --
-- Which of these anchors have claims of which of these kinds.
SELECT DISTINCT UUIDToNum(node), kind FROM claims ARRAY JOIN claims.kind AS kind
WHERE realm = {realm:String} AND node IN {nodes:Array(UUID)} AND kind IN {kinds:Array(String)}

-- incidents --
-- Incidents of some kinds about these subjects.
SELECT body FROM incident_states FINAL
WHERE realm = {realm:String} AND kind IN {kinds:Array(String)} AND subject IN {subjects:Array(String)}

-- actions --
-- What people did with incidents of these kinds about these subjects.
SELECT kind, subject_type, subject, incident_id, action, acted_by, reason, until, acted_at
FROM incident_actions FINAL
WHERE realm = {realm:String} AND kind IN {kinds:Array(String)} AND subject IN {subjects:Array(String)}

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
-- Books of price claims, of all partitions or some: a channel of each, whether it is the only one
-- and has published nothing, and whether the book has guests only.
SELECT realm, 'price_mismatch', 'product', concat(market, '\x1f', sku) AS subject, any(channel),
    uniqExact(channel) = 1 AND countIf(basis = 'published') = 0,
    countIf(NOT simpleJSONHas(terms, 'with_sku')) = 0
FROM price_claims
WHERE {is_any:Bool} OR
    kafkaMurmurHash(concat(realm, '\x1f', subject)) % {total:UInt32} IN {partitions:Array(UInt32)}
GROUP BY realm, sku, market

-- statement_books --
-- The same of the claims of all other kinds, without those about customers, which are all judged.
SELECT realm, kind, subject_type, subject, any(channel),
    uniqExact(channel) = 1 AND countIf(JSONExtractString(body, 'basis') = 'published') = 0, 0
FROM statements
WHERE subject_type != 'customer' AND ({is_any:Bool} OR
    kafkaMurmurHash(concat(realm, '\x1f', subject)) % {total:UInt32} IN {partitions:Array(UInt32)})
GROUP BY realm, kind, subject_type, subject
