-- What a profile is made of stands in one column: a read of some events took one small read for each of 26
-- columns, node and part. It holds one list as JSON, and another behind a line feed where the event says more
-- than that somebody was seen (services/profiles/adapters/facts.py reads them). The store makes it of the
-- other columns: for rows written before, at each read until they are merged.

ALTER TABLE touchpoints ADD COLUMN IF NOT EXISTS profile_facts String DEFAULT concat(
    toJSONString(CAST(
        (
            toString(toUnixTimestamp64Milli(occurred_at)), channel, synthetic, source_system,
            anchor_type, active, `ids.node`
        ),
        'Tuple(String, String, Bool, String, String, Bool, Array(UUID))'
    )),
    if(
        empty(attrs.name) AND empty(consents.action) AND order_action = '' AND group_action != 'member',
        '',
        concat('\n', toJSONString(CAST(
            (
                attrs.name, attrs.value, attrs.present, consents.action, consents.purpose,
                consents.channel, consents.address, consents.basis, consents.double_opt_in,
                order_action, order_issuer, order_id, return_id, order_counts, order_currency,
                toString(order_value), empty(lines.kind), group_action = 'member'
            ),
            'Tuple(Array(String), Array(String), Array(Bool), Array(String), Array(String),
                Array(String), Array(UUID), Array(String), Array(Bool), String, String, String,
                String, Bool, String, String, Bool, Bool)'
        )))
    )
) CODEC(ZSTD(1)) COMMENT 'JSON, made of other columns: what a profile is made of';
