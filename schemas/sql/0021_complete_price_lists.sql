-- A complete edition of a price list withdraws what earlier editions named and it does not. It names no
-- such product, so who names which edition stands by edition: how many there are, and which products
-- are left out. What is withdrawn follows from it whenever claims are read. Rows are never
-- replaced: an event names an edition if any of its bodies does, in whatever order they came.

CREATE TABLE IF NOT EXISTS edition_offers
(
    realm LowCardinality(String),
    channel LowCardinality(String),
    price_list_id LowCardinality(String),
    price_list_edition String,
    event_id String,
    market LowCardinality(String),
    sku String,
    said_on String COMMENT 'place and terms, joined by 0x1F',
    occurred_at DateTime64(3, 'UTC'),
    INDEX by_time occurred_at TYPE minmax GRANULARITY 4
)
ENGINE = ReplacingMergeTree
ORDER BY (realm, price_list_id, channel, price_list_edition, event_id, sku, market, said_on,
    occurred_at)
SETTINGS index_granularity = 1024, old_parts_lifetime = 30,
    min_bytes_for_wide_part = 67108864, min_compress_block_size = 8192;

CREATE TABLE IF NOT EXISTS completed_editions
(
    realm LowCardinality(String),
    channel LowCardinality(String),
    price_list_id String,
    price_list_edition String,
    occurred_at DateTime64(3, 'UTC'),
    event_id String COMMENT 'of the completion',
    event_hash UInt64,
    version UInt64 COMMENT 'of the body that says so; it counts if it is the newest in event_ids',
    offers UInt64,
    valid_from DateTime64(3, 'UTC') COMMENT '1970-01-01 if the event names none'
)
ENGINE = ReplacingMergeTree
ORDER BY (realm, price_list_id, channel, price_list_edition, event_id, version)
SETTINGS index_granularity = 256, old_parts_lifetime = 30,
    min_bytes_for_wide_part = 67108864, min_compress_block_size = 8192;

INSERT INTO edition_offers
SELECT realm, channel, JSONExtractString(terms, 'price_list_id'),
    JSONExtractString(terms, 'price_list_edition'), event_id, market, sku,
    arrayStringConcat([
        location,
        JSONExtractString(terms, 'zone'),
        currency,
        if(JSONHas(terms, 'tax_mode'), JSONExtractString(terms, 'tax_mode'), 'gross'),
        if(JSONHas(terms, 'unit'), JSONExtractString(terms, 'unit'), 'piece'),
        JSONExtractString(terms, 'pack_content'),
        JSONExtractString(terms, 'pack_unit'),
        JSONExtractString(terms, 'variant'),
        if(JSONHas(terms, 'condition'), JSONExtractString(terms, 'condition'), 'new'),
        JSONExtractString(terms, 'seller'),
        JSONExtractString(terms, 'customer_group'),
        JSONExtractString(terms, 'with_sku'),
        if(JSONExtractString(terms, 'sale_kind') IN ('', 'promotion'), 'regular',
            JSONExtractString(terms, 'sale_kind'))
    ], '\x1f'), occurred_at
FROM price_claims
WHERE basis = 'published' AND position(terms, '"price_list_edition"') > 0
    AND JSONExtractString(terms, 'price_list_id') != ''
    AND JSONExtractString(terms, 'price_list_edition') != '';
