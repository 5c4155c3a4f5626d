-- What measures read of events that have no table of their own: messages, dialogues, cases, sales, contracts, loyalty,
-- browsing, campaigns, actions, word of mouth, and what orders say beside their lines. Ingest writes the typed fields
-- of an event into one column, as JSON; one view takes it apart (ADR 0136). JSONExtract gives the
-- empty value for whatever it cannot read, so no text stops an insert. Elements are named by tupleElement: to analyse
-- d.name for every one took each insert ten times as long.
--
-- A measure reads one kind: the rows of a kind stand together. A correction may change the kind of its
-- event, so it writes an empty row into every other one.

ALTER TABLE touchpoints
    ADD COLUMN IF NOT EXISTS interaction LowCardinality(String)
        COMMENT 'kind of the row in interactions; empty for none',
    ADD COLUMN IF NOT EXISTS details String CODEC(ZSTD(3))
        COMMENT 'JSON of the typed fields of interactions that say something';

CREATE TABLE IF NOT EXISTS interactions
(
    realm LowCardinality(String),
    kind LowCardinality(String),
    node UUID,
    event_id String,
    version UInt64,
    type LowCardinality(String) COMMENT 'empty where a correction took the event away',
    occurred_at DateTime64(3, 'UTC'),
    channel LowCardinality(String),
    synthetic Bool,
    source_store LowCardinality(String),
    campaign LowCardinality(String),
    anchor_type LowCardinality(String),
    agent LowCardinality(String) COMMENT 'source.agent, of cases, dialogues and sales',
    purpose LowCardinality(String),
    message_id String,
    survey LowCardinality(String),
    wave LowCardinality(String),
    question LowCardinality(String),
    bounce LowCardinality(String) COMMENT 'hard or soft; empty if unknown',
    automated Bool COMMENT 'a program opened or clicked',
    case_id String COMMENT 'of a dialogue its conversation_id',
    subject String,
    author LowCardinality(String),
    handed_over Bool,
    team LowCardinality(String),
    kind_of_agent LowCardinality(String),
    wait_s Nullable(UInt32),
    solved Nullable(Bool),
    direction LowCardinality(String),
    repeated Bool,
    outcome String,
    intent LowCardinality(String),
    attachment LowCardinality(String),
    opportunity_id String,
    quote_id String,
    appointment_id String,
    contract_id String,
    order_id String,
    stage LowCardinality(String),
    status LowCardinality(String),
    reason String,
    lost_reason LowCardinality(String),
    owner LowCardinality(String),
    advised Bool,
    amount Nullable(Decimal(18, 4)) COMMENT 'of an order what was paid for lines sold at a reduction',
    cost Nullable(Decimal(18, 4)),
    value_per_year Nullable(Decimal(18, 4)),
    currency LowCardinality(String) COMMENT 'of amount, cost and value_per_year',
    starts_at Nullable(DateTime64(3, 'UTC')),
    until Nullable(DateTime64(3, 'UTC')) COMMENT 'of a quote valid_to, of a campaign ends_at',
    notice_until Nullable(DateTime64(3, 'UTC')),
    due Nullable(DateTime64(3, 'UTC')),
    promised_at Nullable(DateTime64(3, 'UTC')),
    body_kind LowCardinality(String) COMMENT 'kind of the contract or action',
    programme LowCardinality(String),
    tier LowCardinality(String),
    points_balance Nullable(Decimal(18, 4)),
    points_change Nullable(Decimal(18, 4)),
    code String,
    sku String COMMENT 'of a contract its product',
    skus Array(String) COMMENT 'of a cart, or of an order what was sold at a reduction',
    category LowCardinality(String),
    query String,
    results Nullable(UInt64),
    cart_id String,
    rating Nullable(Decimal(18, 4)),
    action_id String,
    feedback Array(String),
    audience LowCardinality(String)
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (realm, kind, node, event_id)
SETTINGS index_granularity = 256, old_parts_lifetime = 30, cleanup_delay_period = 10,
    max_cleanup_delay_period = 10, cleanup_delay_period_random_add = 1,
    min_bytes_for_wide_part = 67108864, min_compress_block_size = 8192, merge_selector_base = 10,
    merge_selector_enable_heuristic_to_remove_small_parts_at_right = 0;

CREATE MATERIALIZED VIEW IF NOT EXISTS interactions_view TO interactions AS
WITH
    arrayJoin(if(corrects, [
        'action', 'browsing', 'campaign', 'case', 'contract', 'dialogue', 'loyalty', 'message',
        'purchase', 'sales', 'word_of_mouth'
    ], [interaction])) AS of_kind,
    JSONExtract(if(of_kind = interaction, details, ''),
        'Tuple(
            agent LowCardinality(String), purpose LowCardinality(String), message_id String,
            survey LowCardinality(String), wave LowCardinality(String),
            question LowCardinality(String), bounce LowCardinality(String), automated Bool,
            case_id String, subject String, author LowCardinality(String), handed_over Bool,
            team LowCardinality(String), kind_of_agent LowCardinality(String),
            wait_s Nullable(UInt32), solved Nullable(Bool), direction LowCardinality(String),
            repeated Bool, outcome String, intent LowCardinality(String),
            attachment LowCardinality(String), opportunity_id String, quote_id String,
            appointment_id String, contract_id String, order_id String,
            stage LowCardinality(String), status LowCardinality(String), reason String,
            lost_reason LowCardinality(String), owner LowCardinality(String), advised Bool,
            amount Nullable(Decimal(18, 4)), cost Nullable(Decimal(18, 4)),
            value_per_year Nullable(Decimal(18, 4)), currency LowCardinality(String),
            starts_at Nullable(DateTime64(3, \'UTC\')), until Nullable(DateTime64(3, \'UTC\')),
            notice_until Nullable(DateTime64(3, \'UTC\')), due Nullable(DateTime64(3, \'UTC\')),
            promised_at Nullable(DateTime64(3, \'UTC\')), body_kind LowCardinality(String),
            programme LowCardinality(String), tier LowCardinality(String),
            points_balance Nullable(Decimal(18, 4)), points_change Nullable(Decimal(18, 4)),
            code String, sku String, skus Array(String), category LowCardinality(String),
            query String, results Nullable(UInt64), cart_id String,
            rating Nullable(Decimal(18, 4)), action_id String, feedback Array(String),
            audience LowCardinality(String)
        )') AS d
SELECT realm, of_kind AS kind, node, event_id, version,
    if(of_kind = interaction, touchpoints.type, '') AS type, occurred_at, channel, synthetic, source_store,
    campaign, anchor_type,
    tupleElement(d, 'agent') AS agent, tupleElement(d, 'purpose') AS purpose,
    tupleElement(d, 'message_id') AS message_id, tupleElement(d, 'survey') AS survey,
    tupleElement(d, 'wave') AS wave, tupleElement(d, 'question') AS question,
    tupleElement(d, 'bounce') AS bounce, tupleElement(d, 'automated') AS automated,
    tupleElement(d, 'case_id') AS case_id, tupleElement(d, 'subject') AS subject,
    tupleElement(d, 'author') AS author, tupleElement(d, 'handed_over') AS handed_over,
    tupleElement(d, 'team') AS team, tupleElement(d, 'kind_of_agent') AS kind_of_agent,
    tupleElement(d, 'wait_s') AS wait_s, tupleElement(d, 'solved') AS solved,
    tupleElement(d, 'direction') AS direction, tupleElement(d, 'repeated') AS repeated,
    tupleElement(d, 'outcome') AS outcome, tupleElement(d, 'intent') AS intent,
    tupleElement(d, 'attachment') AS attachment,
    tupleElement(d, 'opportunity_id') AS opportunity_id, tupleElement(d, 'quote_id') AS quote_id,
    tupleElement(d, 'appointment_id') AS appointment_id,
    tupleElement(d, 'contract_id') AS contract_id, tupleElement(d, 'order_id') AS order_id,
    tupleElement(d, 'stage') AS stage, tupleElement(d, 'status') AS status,
    tupleElement(d, 'reason') AS reason, tupleElement(d, 'lost_reason') AS lost_reason,
    tupleElement(d, 'owner') AS owner, tupleElement(d, 'advised') AS advised,
    tupleElement(d, 'amount') AS amount, tupleElement(d, 'cost') AS cost,
    tupleElement(d, 'value_per_year') AS value_per_year, tupleElement(d, 'currency') AS currency,
    tupleElement(d, 'starts_at') AS starts_at, tupleElement(d, 'until') AS until,
    tupleElement(d, 'notice_until') AS notice_until, tupleElement(d, 'due') AS due,
    tupleElement(d, 'promised_at') AS promised_at, tupleElement(d, 'body_kind') AS body_kind,
    tupleElement(d, 'programme') AS programme, tupleElement(d, 'tier') AS tier,
    tupleElement(d, 'points_balance') AS points_balance,
    tupleElement(d, 'points_change') AS points_change, tupleElement(d, 'code') AS code,
    tupleElement(d, 'sku') AS sku, tupleElement(d, 'skus') AS skus,
    tupleElement(d, 'category') AS category, tupleElement(d, 'query') AS query,
    tupleElement(d, 'results') AS results, tupleElement(d, 'cart_id') AS cart_id,
    tupleElement(d, 'rating') AS rating, tupleElement(d, 'action_id') AS action_id,
    tupleElement(d, 'feedback') AS feedback, tupleElement(d, 'audience') AS audience
FROM touchpoints WHERE interaction != '' OR corrects;

-- Surveys say what they were about, and answers on which scale they are.

ALTER TABLE touchpoints
    ADD COLUMN IF NOT EXISTS survey LowCardinality(String) COMMENT 'id of the questionnaire',
    ADD COLUMN IF NOT EXISTS survey_wave LowCardinality(String),
    ADD COLUMN IF NOT EXISTS survey_mode LowCardinality(String),
    ADD COLUMN IF NOT EXISTS survey_touchpoint LowCardinality(String),
    ADD COLUMN IF NOT EXISTS survey_case_id String,
    ADD COLUMN IF NOT EXISTS survey_order_id String,
    ADD COLUMN IF NOT EXISTS `answers.form` Array(LowCardinality(String)),
    ADD COLUMN IF NOT EXISTS `answers.importance` Array(Nullable(Decimal(18, 4))),
    ADD COLUMN IF NOT EXISTS `answers.scale_min` Array(Nullable(Decimal(18, 4))),
    ADD COLUMN IF NOT EXISTS `answers.scale_max` Array(Nullable(Decimal(18, 4)));

ALTER TABLE surveys
    ADD COLUMN IF NOT EXISTS source_store LowCardinality(String) AFTER synthetic,
    ADD COLUMN IF NOT EXISTS anchor_type LowCardinality(String) COMMENT 'record: it names nobody'
        AFTER source_store,
    ADD COLUMN IF NOT EXISTS survey LowCardinality(String) COMMENT 'id of the questionnaire'
        AFTER survey_kind,
    ADD COLUMN IF NOT EXISTS survey_wave LowCardinality(String) AFTER survey,
    ADD COLUMN IF NOT EXISTS survey_mode LowCardinality(String) AFTER survey_wave,
    ADD COLUMN IF NOT EXISTS survey_touchpoint LowCardinality(String) AFTER survey_mode,
    ADD COLUMN IF NOT EXISTS survey_case_id String AFTER survey_touchpoint,
    ADD COLUMN IF NOT EXISTS survey_order_id String AFTER survey_case_id,
    ADD COLUMN IF NOT EXISTS `answers.form` Array(LowCardinality(String)),
    ADD COLUMN IF NOT EXISTS `answers.importance` Array(Nullable(Decimal(18, 4))),
    ADD COLUMN IF NOT EXISTS `answers.scale_min` Array(Nullable(Decimal(18, 4))),
    ADD COLUMN IF NOT EXISTS `answers.scale_max` Array(Nullable(Decimal(18, 4)));

ALTER TABLE surveys_view MODIFY QUERY
SELECT realm, node, event_id, version, occurred_at, channel, synthetic, source_store, anchor_type,
    survey_kind, survey, survey_wave, survey_mode, survey_touchpoint, survey_case_id,
    survey_order_id, answers.question, answers.score, answers.expected, answers.choice, answers.form,
    answers.importance, answers.scale_min, answers.scale_max
FROM touchpoints WHERE survey_kind != '' OR corrects;

-- Events that were stored before have their fields read from what was sent, as far as that is written as JSON has it:
-- docs/data-directory.md says what they lack.

INSERT INTO interactions
(
    realm, kind, node, event_id, version, type, occurred_at, channel, synthetic, source_store,
    campaign, anchor_type, agent, purpose, message_id, survey, wave, question, bounce, automated,
    case_id, subject, author, handed_over, team, kind_of_agent, wait_s, solved, direction,
    repeated, outcome, intent, attachment, opportunity_id, quote_id, appointment_id, contract_id,
    order_id, stage, status, reason, lost_reason, owner, advised, amount, cost, value_per_year,
    currency, starts_at, until, notice_until, due, promised_at, body_kind, programme, tier,
    points_balance, points_change, code, sku, skus, category, query, results, cart_id, rating,
    action_id, feedback, audience
)
WITH
    JSONExtract(payload, 'Tuple(
        source Tuple(agent String),
        body Tuple(
            purpose String, message_id String, survey String, wave String, question String,
            bounce String, automated Bool, case_id String, subject String, author String,
            handed_over Bool, team String, kind_of_agent String, wait_s Nullable(UInt32),
            solved Nullable(Bool), direction String, repeated Bool, outcome String,
            intent String, attachment String, opportunity_id String, quote_id String,
            appointment_id String, contract_id String, order_id String, stage String,
            status String, reason String, lost_reason String, owner String, advised Bool,
            amount Nullable(Decimal(18, 4)), cost Nullable(Decimal(18, 4)),
            value_per_year Nullable(Decimal(18, 4)), currency String, starts_at String,
            until String, notice_until String, due String, promised_at String, kind String,
            programme String, tier String, points_balance Nullable(Decimal(18, 4)),
            points_change Nullable(Decimal(18, 4)), code String, sku String, category String,
            results Nullable(UInt64), cart_id String, rating Nullable(Decimal(18, 4)),
            action_id String, feedback Array(String), audience String, query String,
            conversation_id String, valid_to String, ends_at String, product String,
            receipt_kind String, total Nullable(Decimal(18, 4)), value Nullable(Decimal(18, 4)),
            offer Tuple(sku String), items Array(Tuple(sku String, offer Tuple(sku String))),
            lines Array(Tuple(sku String, kind String, seller String, sale_kind String,
                total Decimal(18, 4), discounts Array(Tuple(kind String))))
        ))') AS p,
    p.body AS b,
    arrayFilter(line -> line.seller = '' AND line.kind IN ('', 'product', 'service')
        AND (line.sale_kind NOT IN ('', 'regular')
            OR arrayExists(one -> one.kind IN ('promotion', 'coupon', 'loyalty', 'personal'), line.discounts)),
        if(type = 'order.placed', b.lines, [])) AS reduced
SELECT f.realm AS realm, kind, node, event_id, version, type, occurred_at, channel, synthetic, source_store, campaign,
    anchor_type,
    if(kind IN ('case', 'dialogue', 'sales'), p.source.agent, '') AS agent, b.purpose AS purpose,
    b.message_id AS message_id, b.survey AS survey, b.wave AS wave, b.question AS question,
    b.bounce AS bounce,
    b.automated OR type IN ('email.opened', 'email.clicked') AND NOT active AS automated,
    if(kind = 'dialogue', b.conversation_id, b.case_id) AS case_id,
    if(kind = 'message', '', b.subject) AS subject,
    if(kind = 'dialogue' AND b.author = '', 'customer', b.author) AS author,
    b.handed_over AS handed_over, b.team AS team, b.kind_of_agent AS kind_of_agent,
    b.wait_s AS wait_s, b.solved AS solved, b.direction AS direction, b.repeated AS repeated,
    b.outcome AS outcome, b.intent AS intent, b.attachment AS attachment,
    b.opportunity_id AS opportunity_id, b.quote_id AS quote_id,
    b.appointment_id AS appointment_id, b.contract_id AS contract_id,
    if(kind IN ('purchase', 'loyalty'), b.order_id, '') AS order_id, b.stage AS stage,
    b.status AS status, if(kind = 'message', '', b.reason) AS reason,
    b.lost_reason AS lost_reason, b.owner AS owner, b.advised AS advised,
    multiIf(kind = 'browsing', b.total, kind = 'loyalty', b.value, kind != 'purchase', b.amount,
        notEmpty(reduced), arraySum(line -> line.total, reduced), NULL)::Nullable(Decimal(18, 4))
        AS amount,
    b.cost AS cost, b.value_per_year AS value_per_year,
    multiIf(coalesce(amount, cost, value_per_year) IS NULL, '', b.currency = '', own.currency,
        b.currency) AS currency,
    parseDateTime64BestEffortOrNull(b.starts_at, 3, 'UTC') AS starts_at,
    parseDateTime64BestEffortOrNull(concat(b.until, b.valid_to, b.ends_at), 3, 'UTC') AS until,
    parseDateTime64BestEffortOrNull(b.notice_until, 3, 'UTC') AS notice_until,
    parseDateTime64BestEffortOrNull(b.due, 3, 'UTC') AS due,
    parseDateTime64BestEffortOrNull(b.promised_at, 3, 'UTC') AS promised_at,
    if(kind IN ('action', 'contract'), b.kind, '') AS body_kind, b.programme AS programme,
    b.tier AS tier, b.points_balance AS points_balance, b.points_change AS points_change,
    b.code AS code, multiIf(kind = 'contract', b.product, b.sku = '', b.offer.sku, b.sku) AS sku,
    if(kind = 'purchase', arrayMap(line -> line.sku, reduced),
        arrayMap(item -> if(item.sku = '', item.offer.sku, item.sku), b.items)) AS skus,
    b.category AS category, b.query AS query, b.results AS results, b.cart_id AS cart_id,
    b.rating AS rating, b.action_id AS action_id, b.feedback AS feedback, b.audience AS audience
FROM
(
    SELECT realm, node, event_id, version, type, occurred_at, channel, synthetic, active, source_store, campaign,
        anchor_type, payload,
        transform(type::String,
            [
                'action.planned', 'action.done', 'product.viewed', 'search.performed',
                'cart.updated', 'campaign.published', 'campaign.reached', 'campaign.held_out',
                'support.contacted', 'support.answered', 'complaint.opened', 'complaint.closed',
                'contract.started', 'contract.renewed', 'contract.ended', 'message.exchanged',
                'loyalty.changed', 'voucher.issued', 'voucher.redeemed', 'message.sent',
                'email.sent', 'email.delivered', 'email.opened', 'email.clicked',
                'email.bounced', 'email.complained', 'email.unsubscribed', 'order.placed',
                'order.status_changed', 'order.cancelled', 'order.returned',
                'opportunity.changed', 'quote.sent', 'appointment.booked', 'store.visited',
                'review.posted', 'referral.made', 'referral.redeemed', 'community.posted',
                'idea.submitted', 'contest.entered'
            ],
            [
                'action', 'action', 'browsing', 'browsing', 'browsing', 'campaign', 'campaign',
                'campaign', 'case', 'case', 'case', 'case', 'contract', 'contract', 'contract',
                'dialogue', 'loyalty', 'loyalty', 'loyalty', 'message', 'message', 'message',
                'message', 'message', 'message', 'message', 'message', 'purchase', 'purchase',
                'purchase', 'purchase', 'sales', 'sales', 'sales', 'sales', 'word_of_mouth',
                'word_of_mouth', 'word_of_mouth', 'word_of_mouth', 'word_of_mouth',
                'word_of_mouth'
            ], '') AS kind
    FROM touchpoints FINAL WHERE interaction = ''
) AS f
LEFT ANY JOIN (SELECT realm, currency::String AS currency FROM realms FINAL) AS own ON f.realm = own.realm
WHERE kind != ''
    AND (kind != 'purchase' OR b.receipt_kind IN ('', 'sale')
        AND (b.promised_at != '' OR b.status != '' OR b.reason != '' OR notEmpty(reduced)))
SETTINGS min_insert_block_size_rows = 65536, min_insert_block_size_bytes = 67108864, max_insert_threads = 1;

INSERT INTO surveys
(
    realm, node, event_id, version, occurred_at, channel, synthetic, source_store, anchor_type, survey_kind, survey,
    survey_wave, survey_mode, survey_touchpoint, survey_case_id, survey_order_id, answers.question, answers.score,
    answers.expected, answers.choice, answers.form, answers.importance, answers.scale_min, answers.scale_max
)
WITH
    JSONExtract(payload, 'Tuple(
        body Tuple(
            survey String, wave String, mode String, touchpoint String, case_id String, order_id String,
            answers Array(Tuple(
                form String, importance Nullable(Decimal(18, 4)), scale_min Nullable(Decimal(18, 4)),
                scale_max Nullable(Decimal(18, 4))
            ))
        ))').body AS b,
    arrayResize(b.answers, length(answers.question)) AS said
SELECT realm, node, event_id, version, occurred_at, channel, synthetic, source_store, anchor_type, survey_kind,
    b.survey, b.wave, b.mode, b.touchpoint, if(empty(ids.node), '', b.case_id),
    if(empty(ids.node), '', b.order_id), answers.question, answers.score,
    answers.expected, answers.choice, arrayMap(one -> one.form, said), arrayMap(one -> one.importance, said),
    arrayMap(one -> one.scale_min, said), arrayMap(one -> one.scale_max, said)
FROM touchpoints FINAL WHERE survey_kind != ''
SETTINGS min_insert_block_size_rows = 65536, min_insert_block_size_bytes = 67108864, max_insert_threads = 1;
