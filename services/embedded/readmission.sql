-- any_former --
-- Whether there is such a fact. Every start asks, so nothing is deduplicated or ordered.
SELECT 1 FROM touchpoints
WHERE intake = 'public' AND NOT startsWith(event_id, {prefix:String}) LIMIT 1

-- former --
-- Facts of public write keys that stand under the event id as it was sent: a version before
-- stored them so.
SELECT realm, toString(node), event_id, payload, received_at FROM touchpoints FINAL
WHERE intake = 'public' AND NOT startsWith(event_id, {prefix:String})
ORDER BY received_at, realm, event_id, node LIMIT {rows:UInt32}
