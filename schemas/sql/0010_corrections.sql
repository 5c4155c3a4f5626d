-- A correction replaces everything that an earlier body of its event said, also where it says
-- nothing any more: an event that may have an earlier body is written into every projection, empty
-- or not. All other events go where they say something, as before.

ALTER TABLE touchpoints
    ADD COLUMN IF NOT EXISTS corrects Bool COMMENT 'another body of the event may be stored';

ALTER TABLE orders_view MODIFY QUERY
SELECT realm, node, event_id, version, occurred_at, channel, synthetic, source_store, anchor_type,
    order_action, order_issuer, order_id, return_id, order_counts, order_currency, order_value,
    lines.sku, lines.kind, lines.category, lines.quantity, lines.total
FROM touchpoints WHERE order_action != '' OR corrects;

ALTER TABLE consents_view MODIFY QUERY
SELECT realm, node, event_id, version, occurred_at, channel, synthetic, source_system,
    consents.action, consents.purpose, consents.channel, consents.address, consents.basis,
    consents.double_opt_in, consents.text_version
FROM touchpoints WHERE notEmpty(consents.action) OR corrects;

ALTER TABLE observations_view MODIFY QUERY
SELECT realm, node, event_id, version, occurred_at, channel, synthetic, source_system,
    anchor_verified, attrs.name, attrs.value, attrs.present
FROM touchpoints WHERE notEmpty(attrs.name) OR corrects;

ALTER TABLE offers_view MODIFY QUERY
SELECT realm, node, event_id, version, occurred_at, channel, synthetic, order_id,
    offers.sku, offers.market, offers.location, offers.basis, offers.price, offers.currency,
    offers.quantity, offers.terms
FROM touchpoints WHERE notEmpty(offers.sku) OR corrects;

ALTER TABLE identifiers_view MODIFY QUERY
SELECT realm, node, event_id, version, occurred_at, channel, synthetic,
    ids.type, ids.node, ids.verified
FROM touchpoints WHERE notEmpty(ids.node) OR corrects;

ALTER TABLE surveys_view MODIFY QUERY
SELECT realm, node, event_id, version, occurred_at, channel, synthetic, survey_kind,
    answers.question, answers.score, answers.expected, answers.choice
FROM touchpoints WHERE survey_kind != '' OR corrects;

ALTER TABLE claims_view MODIFY QUERY
SELECT realm, node, event_id, version, occurred_at, channel, synthetic, order_id, claims.kind,
    claims.subject_type, claims.subject, claims.body
FROM touchpoints WHERE notEmpty(claims.kind) OR corrects;

-- Books that bodies of an event touched and its latest does not: they are judged again. Merges
-- forget replaced rows, so this is noted before a correction is written.
CREATE TABLE IF NOT EXISTS former_books
(
    realm LowCardinality(String),
    node UUID COMMENT 'anchor of the body that counts',
    event_id String,
    kind LowCardinality(String),
    subject_type LowCardinality(String) COMMENT 'product, customer, store, case or source',
    subject String COMMENT 'its parts, joined by 0x1F'
)
ENGINE = ReplacingMergeTree
ORDER BY (realm, node, event_id, kind, subject)
SETTINGS index_granularity = 256, old_parts_lifetime = 30,
    min_bytes_for_wide_part = 67108864;

INSERT INTO orders
SELECT realm, node, event_id, version, occurred_at, channel, synthetic, source_store, anchor_type,
    order_action, order_issuer, order_id, return_id, order_counts, order_currency, order_value,
    lines.sku, lines.kind, lines.category, lines.quantity, lines.total
FROM touchpoints FINAL
WHERE order_action = '' AND (realm, node, event_id) IN (SELECT realm, node, event_id FROM orders);

INSERT INTO consents
SELECT realm, node, event_id, version, occurred_at, channel, synthetic, source_system,
    consents.action, consents.purpose, consents.channel, consents.address, consents.basis,
    consents.double_opt_in, consents.text_version
FROM touchpoints FINAL
WHERE empty(consents.action)
    AND (realm, node, event_id) IN (SELECT realm, node, event_id FROM consents);

INSERT INTO observations
SELECT realm, node, event_id, version, occurred_at, channel, synthetic, source_system,
    anchor_verified, attrs.name, attrs.value, attrs.present
FROM touchpoints FINAL
WHERE empty(attrs.name)
    AND (realm, node, event_id) IN (SELECT realm, node, event_id FROM observations);

INSERT INTO offers
SELECT realm, node, event_id, version, occurred_at, channel, synthetic, order_id,
    offers.sku, offers.market, offers.location, offers.basis, offers.price, offers.currency,
    offers.quantity, offers.terms
FROM touchpoints FINAL
WHERE empty(offers.sku) AND (realm, node, event_id) IN (SELECT realm, node, event_id FROM offers);

INSERT INTO identifiers
SELECT realm, node, event_id, version, occurred_at, channel, synthetic,
    ids.type, ids.node, ids.verified
FROM touchpoints FINAL
WHERE empty(ids.node)
    AND (realm, node, event_id) IN (SELECT realm, node, event_id FROM identifiers);

INSERT INTO surveys
SELECT realm, node, event_id, version, occurred_at, channel, synthetic, survey_kind,
    answers.question, answers.score, answers.expected, answers.choice
FROM touchpoints FINAL
WHERE survey_kind = ''
    AND (realm, node, event_id) IN (SELECT realm, node, event_id FROM surveys);

INSERT INTO timers
SELECT realm, kind, subject_type, subject, toDateTime64('1970-01-01 00:00:01', 3, 'UTC'),
    max(version)
FROM timers
WHERE (realm, kind, subject) IN (SELECT realm, kind, subject FROM incident_states)
GROUP BY realm, kind, subject_type, subject;
