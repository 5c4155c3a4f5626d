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
-- are two channels.
SELECT subject FROM
(
    SELECT channel, basis, concat(market, '\x1f', sku) AS subject
    FROM offers
    ARRAY JOIN offers.sku AS sku, offers.market AS market, offers.basis AS basis
    WHERE realm = {realm:String}
)
WHERE cityHash64(subject) % {slices:UInt32} = {slice:UInt32}
GROUP BY subject HAVING uniqExact(channel) > 1 OR countIf(basis = 'published') > 0
ORDER BY subject

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
