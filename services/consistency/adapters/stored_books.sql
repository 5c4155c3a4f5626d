-- number --
-- About how many subjects the claims of a realm have, those that are compared with nothing included.
SELECT greatest(
    (
        SELECT uniq(market, sku) FROM offers
        ARRAY JOIN offers.sku AS sku, offers.market AS market WHERE realm = {realm:String}
    ),
    (
        SELECT uniq(subject) FROM claims ARRAY JOIN claims.subject AS subject
        WHERE realm = {realm:String}
    ))

-- prices --
-- The subjects of one slice whose price claims are compared: some channel published one, or there
-- are two channels; and not all of them are guests (services/consistency/core/guests.py).
SELECT subject FROM
(
    SELECT channel, basis, terms, concat(market, '\x1f', sku) AS subject
    FROM offers
    ARRAY JOIN offers.sku AS sku, offers.market AS market, offers.basis AS basis,
        offers.terms AS terms
    WHERE realm = {realm:String}
)
WHERE cityHash64(subject) % {slices:UInt32} = {slice:UInt32}
GROUP BY subject HAVING (uniqExact(channel) > 1 OR countIf(basis = 'published') > 0)
    AND countIf(NOT simpleJSONHas(terms, 'with_sku')) > 0
ORDER BY subject

-- articles --
-- The articles of one slice, or one of them, with their markets; whether any market has a price
-- book that is judged. A book with guests only is none: they are counted by their article number.
SELECT sku, groupArray(market), max(is_judged) FROM
(
    SELECT sku, market, uniqExact(channel) > 1 OR countIf(basis = 'published') > 0 AS is_judged
    FROM price_claims
    WHERE realm = {realm:String} AND ({sku:String} = '' OR sku = {sku:String})
        AND cityHash64(sku) % {slices:UInt32} = {slice:UInt32}
    GROUP BY sku, market HAVING countIf(NOT simpleJSONHas(terms, 'with_sku')) > 0
)
GROUP BY sku ORDER BY sku

-- linked --
-- The price books of one slice that have both guests and claims of their own; perhaps of those only
-- that an article is a guest in.
SELECT concat(market, '\x1f', sku) AS subject FROM price_claims
WHERE realm = {realm:String} AND cityHash64(sku) % {slices:UInt32} = {slice:UInt32}
GROUP BY sku, market
HAVING uniqExact(simpleJSONHas(terms, 'with_sku')) = 2
    AND ({sku:String} = '' OR countIf(JSONExtractString(terms, 'with_sku') = {sku:String}) > 0)
ORDER BY subject

-- latest --
-- The latest price claims about these articles, one for each channel, place, basis and terms; of an
-- event that was corrected, only those of its newest body.
WITH corrected AS
    (
        SELECT event_id, max(version) AS newest FROM offers
        WHERE (realm, node, event_id) IN (SELECT realm, node, event_id FROM former_books
            WHERE realm = {realm:String} AND kind = 'price_mismatch'
                AND splitByChar('\x1f', subject, 2)[2] IN {skus:Array(String)})
        GROUP BY event_id
    )
SELECT market, sku, occurred_at, event_id, ordinal, version, channel, location, basis, price,
    currency, terms
FROM (SELECT * FROM price_claims FINAL
    WHERE realm = {realm:String} AND sku IN {skus:Array(String)}) AS found
LEFT JOIN corrected USING (event_id)
WHERE version >= newest
ORDER BY occurred_at DESC, event_id DESC, ordinal DESC
LIMIT 1 BY market, sku, channel, location, basis, terms

-- statements --
-- The same of the claims of another kind.
SELECT subject FROM claims
ARRAY JOIN claims.kind AS kind, claims.subject AS subject, claims.body AS body
WHERE realm = {realm:String} AND kind = {kind:String}
    AND cityHash64(subject) % {slices:UInt32} = {slice:UInt32}
GROUP BY subject
HAVING uniqExact(channel) > 1 OR countIf(JSONExtractString(body, 'basis') = 'published') > 0
ORDER BY subject

-- anchors --
-- The anchors of one slice with claims of a kind about customers.
SELECT DISTINCT node FROM claims
WHERE realm = {realm:String} AND has(claims.kind, {kind:String})
    AND cityHash64(node) % {slices:UInt32} = {slice:UInt32}
ORDER BY node

-- among --
-- Those of some nodes that are anchors with claims of a kind.
SELECT DISTINCT node FROM claims
WHERE realm = {realm:String} AND node IN {nodes:Array(UUID)} AND has(claims.kind, {kind:String})
