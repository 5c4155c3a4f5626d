-- list --
-- A page of incidents in these states, the oldest first; what is empty means any. An article is that
-- of the details, or else the subject, as the views show it.
SELECT body FROM incident_states FINAL
WHERE realm = {realm:String} AND state IN {states:Array(String)} AND kind IN {kinds:Array(String)}
    AND ({channel:String} = '' OR JSONExtractString(body, 'channel') = {channel:String})
    AND ({location:String} = '' OR JSONExtractString(body, 'location') = {location:String})
    AND ({cause:String} = '' OR JSONExtractString(body, 'cause') = {cause:String})
    AND ({fault:String} = '' OR JSONExtractString(body, 'fault_id') = {fault:String})
    AND (empty({severities:Array(String)})
        OR JSONExtractString(body, 'severity') IN {severities:Array(String)})
    AND ({sku:String} = '' OR JSONExtractString(body, 'details', 'sku') = {sku:String}
        OR NOT JSONHas(body, 'details', 'sku')
            AND JSONExtractString(body, 'subject', 'sku') = {sku:String})
    AND toUnixTimestamp64Milli(since) >= {since:Int64}
    AND (toUnixTimestamp64Milli(since), incident_id) > ({after:Int64}, {after_id:String})
ORDER BY since, incident_id LIMIT {limit:UInt32}

-- counts --
-- How many of the same there are by the values of these fields of an incident, the worst first;
-- with the worst incident of each, of equally severe ones the oldest.
WITH toInt8(indexOf(['critical', 'high', 'medium', 'low'], JSONExtractString(body, 'severity')))
    AS badness
SELECT arrayMap(
        name -> multiIf(
            name = 'fault', JSONExtractString(body, 'fault_id'),
            name != 'sku', JSONExtractString(body, name),
            JSONHas(body, 'details', 'sku'), JSONExtractString(body, 'details', 'sku'),
            JSONExtractString(body, 'subject', 'sku')),
        {fields:Array(String)}) AS values,
    count() AS incidents, uniqExact(kind, subject) AS subjects,
    uniqExact(JSONExtractString(body, 'location')) AS places,
    countIf(JSONExtractString(body, 'severity') = 'critical') AS critical,
    countIf(JSONExtractString(body, 'severity') = 'high') AS high,
    countIf(JSONExtractString(body, 'severity') = 'medium') AS medium,
    countIf(JSONExtractString(body, 'severity') = 'low') AS low,
    toUnixTimestamp64Milli(min(since)) AS first, toUnixTimestamp64Milli(max(since)) AS latest,
    argMin(body, (badness, since, incident_id)) AS worst
FROM incident_states FINAL
WHERE realm = {realm:String} AND state IN {states:Array(String)} AND kind IN {kinds:Array(String)}
    AND ({channel:String} = '' OR JSONExtractString(body, 'channel') = {channel:String})
    AND ({location:String} = '' OR JSONExtractString(body, 'location') = {location:String})
    AND ({cause:String} = '' OR JSONExtractString(body, 'cause') = {cause:String})
    AND ({fault:String} = '' OR JSONExtractString(body, 'fault_id') = {fault:String})
    AND (empty({severities:Array(String)})
        OR JSONExtractString(body, 'severity') IN {severities:Array(String)})
    AND ({sku:String} = '' OR JSONExtractString(body, 'details', 'sku') = {sku:String}
        OR NOT JSONHas(body, 'details', 'sku')
            AND JSONExtractString(body, 'subject', 'sku') = {sku:String})
    AND toUnixTimestamp64Milli(since) >= {since:Int64}
GROUP BY values
ORDER BY critical DESC, high DESC, medium DESC, low DESC, values LIMIT {limit:UInt32}

-- show --
-- Incidents by a prefix of their id; two are enough to call it ambiguous.
SELECT body FROM incident_states FINAL
WHERE realm = {realm:String} AND startsWith(incident_id, {prefix:String})
    AND kind IN {kinds:Array(String)}
LIMIT 2

-- prices --
-- Prices of these articles that were shown or charged, with the anchor of the event, and the order
-- number with its issuer; first of all, what may have cancelled its order. Claims that a
-- correction took back are not among them (services/consistency/adapters/clickhouse.sql).
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
    ),
    found AS
    (
        SELECT * FROM price_claims FINAL
        WHERE realm = {realm:String} AND sku IN {skus:Array(String)} AND NOT synthetic
            AND basis != 'published'
    ),
    numbered AS
    (
        SELECT node, event_id, order_issuer FROM orders FINAL
        WHERE realm = {realm:String} AND order_action = 'placed'
            AND (node, event_id) IN (SELECT node, event_id FROM found WHERE order_id != '')
    )
SELECT cancelled_by, market, sku, occurred_at, event_id, 0, version, channel, location,
    basis, price, currency, terms, quantity, node, order_id, order_issuer
FROM found
LEFT JOIN numbered USING (node, event_id)
LEFT JOIN corrected USING (event_id)
LEFT JOIN cancelled USING (event_id)
WHERE version >= newest

-- statements --
-- Claims of one kind about these subjects that were shown or charged, with the anchor of the event;
-- first of all, what may have cancelled its order.
WITH corrected AS
    (
        SELECT event_id, max(version) AS newest FROM claims
        WHERE (realm, node, event_id) IN (SELECT realm, node, event_id FROM former_books
            WHERE realm = {realm:String} AND kind = {kind:String}
                AND subject IN {subjects:Array(String)})
        GROUP BY event_id
    ),
    cancelled AS
    (
        SELECT event_id, groupUniqArray(concat(by_issuer, '\x1f', by_number)) AS cancelled_by
        FROM cancelled_claims
        WHERE realm = {realm:String} AND kind = {kind:String}
            AND subject IN {subjects:Array(String)}
        GROUP BY event_id
    )
SELECT cancelled_by, subject, occurred_at, event_id, 0, version, channel, body, node, order_id
FROM (SELECT * FROM statements FINAL
    WHERE realm = {realm:String} AND kind = {kind:String} AND subject IN {subjects:Array(String)}
        AND NOT synthetic AND JSONExtractString(body, 'basis') != 'published') AS found
LEFT JOIN corrected USING (event_id)
LEFT JOIN cancelled USING (event_id)
WHERE version >= newest

-- actions --
-- The audit trails of incidents, the oldest entry first.
SELECT incident_id, action, acted_by, reason, until, acted_at FROM incident_actions FINAL
WHERE realm = {realm:String} AND incident_id IN {ids:Array(String)}
ORDER BY acted_at, action, acted_by, reason, until
