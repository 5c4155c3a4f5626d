-- completions --
-- What is said of editions of some lists and by some events, in every body; first of all, whether
-- that is the newest one of its event.
WITH said AS
(
    SELECT * FROM completed_editions
    WHERE realm = {realm:String} AND (event_id IN {events:Array(String)}
        OR price_list_id IN {lists:Array(String)} AND channel IN {channels:Array(String)})
)
SELECT version = newest, price_list_id, channel, price_list_edition, event_id, event_hash, version,
    occurred_at, offers, valid_from
FROM said
LEFT JOIN
(
    SELECT event_id, max(version) AS newest FROM event_ids
    WHERE realm = {realm:String} AND event_hash IN (SELECT event_hash FROM said)
    GROUP BY event_id
) AS bodies USING (event_id)

-- received --
-- How many events name an edition, in any body, and when the first of them was published.
SELECT uniqExact(event_id), min(occurred_at) FROM edition_offers
WHERE realm = {realm:String} AND price_list_id = {price_list:String}
    AND channel = {channel:String} AND price_list_edition = {edition:String}

-- left_out --
-- The products for which other editions of a list, published in a period, name a place and terms
-- that this edition does not. An event that was corrected may name something else now.
SELECT DISTINCT market, sku FROM edition_offers
WHERE realm = {realm:String} AND price_list_id = {price_list:String}
    AND channel = {channel:String} AND price_list_edition != {edition:String}
    AND occurred_at >= fromUnixTimestamp64Milli({since:Int64}, 'UTC')
    AND occurred_at < fromUnixTimestamp64Milli({before:Int64}, 'UTC')
    AND (market, sku, said_on) NOT IN
    (
        SELECT market, sku, said_on FROM edition_offers
        WHERE realm = {realm:String} AND price_list_id = {price_list:String}
            AND channel = {channel:String} AND price_list_edition = {edition:String}
            AND event_id NOT IN (SELECT event_id FROM former_books
                WHERE realm = {realm:String} AND kind = 'price_mismatch')
    )
ORDER BY market, sku

-- lists --
-- The lists of which somebody said that an edition is complete.
SELECT DISTINCT channel, price_list_id FROM completed_editions WHERE realm = {realm:String}
ORDER BY channel, price_list_id
