-- Which profiles need no solving (services/identity/core/plain.py). Both statements read the graph
-- of a realm once, in its order; what they group goes to disk above a limit. Each file that is written
-- there, and each column of each part that is read, has a buffer, of which there are hundreds. One
-- thread does it: each has tables and buffers of its own, and two are no faster on two processors.

-- crowded --
-- The nodes that have more neighbours, whenever they came, than some limit allows: {few} is the lowest
-- of all, {limits} are those by type of neighbour.
WITH many AS
(
    SELECT node FROM
    (
        SELECT a AS node, count() AS found FROM edges WHERE realm = {realm:String} GROUP BY a
        UNION ALL
        SELECT b AS node, count() AS found FROM edges_reversed WHERE realm = {realm:String}
        GROUP BY b
    )
    GROUP BY node HAVING sum(found) > {few:UInt32}
)
SELECT node, any(type), any(issuer) FROM
(
    SELECT node, any(own) AS type, any(own_issuer) AS issuer, other, count() AS found FROM
    (
        SELECT a AS node, a_type AS own, a_issuer AS own_issuer, b_type AS other FROM edges FINAL
        WHERE realm = {realm:String} AND verified AND a IN many
        UNION ALL
        SELECT b AS node, b_type AS own, b_issuer AS own_issuer, a_type AS other
        FROM edges_reversed FINAL
        WHERE realm = {realm:String} AND verified AND b IN many
    )
    WHERE own IN {types:Array(String)} AND other IN {types:Array(String)}
        AND NOT (own IN {personal:Array(String)} AND other IN {passing:Array(String)})
    GROUP BY node, other
)
GROUP BY node
HAVING sum(found) > {hub_above:UInt32} OR max(
    found > transform(other, {types:Array(String)}, {limits:Array(UInt32)}, 0)
    AND (type IN {personal:Array(String)} OR other NOT IN {personal:Array(String)}))
LIMIT {at_most:UInt32}
SETTINGS optimize_aggregation_in_order = 1, max_threads = 1,
    max_bytes_before_external_group_by = 300000000,
    temporary_files_buffer_size = 65536, max_read_buffer_size = 131072

-- doubtful --
-- The profiles of which a condition of `doubtful_profiles` does not hold. Of each edge a number that
-- nobody can foresee is added where it is the edge of its one end and taken off where it is that of the
-- other: within a profile they come to nothing if, and only if, no edge leads out of it. Kinds are
-- numbers, and the first node of a profile is the low half of one that has rank and time above it:
-- states of texts and tuples take several times the memory of all others.
SELECT profile FROM
(
    SELECT node, max(profile_said) AS profile, max(kind_said) AS kind, min(rank_said) AS rank,
        min(seen_ms) AS first_ms, bitShiftLeft(rank::UInt256, 192)
            + bitShiftLeft(bitXor(reinterpretAsUInt64(first_ms), 9223372036854775808)::UInt256, 128)
            + toUInt128(node) AS place, max(is_named) AS named, sum(first_sum) AS one,
        sum(second_sum) AS two, max(is_led) AS led, max(is_led_by_personal) AS led_by_personal
    FROM
    (
        SELECT a AS node, toUUID('00000000-0000-0000-0000-000000000000') AS profile_said,
            0 AS kind_said, rank_a AS rank_said, seen_ms, both_personal AND is_cut AS is_named,
            if(is_cut, 0, sipHash64Keyed(({k0:UInt64}, {k1:UInt64}), a, b)) AS first_sum,
            if(is_cut, 0, sipHash64Keyed(({k1:UInt64}, {k0:UInt64}), a, b)) AS second_sum,
            NOT is_cut AND (lead_b, b) < (lead_a, a) AS is_led,
            both_personal AND is_led AS is_led_by_personal
        FROM
        (
            SELECT a, b, toUnixTimestamp64Milli(first_seen) AS seen_ms,
                transform(a_type, {types:Array(String)}, {ranks:Array(UInt8)}, 255) AS rank_a,
                transform(a_type, {types:Array(String)}, {leads:Array(UInt8)}, 255) AS lead_a,
                transform(b_type, {types:Array(String)}, {ranks:Array(UInt8)}, 255) AS rank_b,
                transform(b_type, {types:Array(String)}, {leads:Array(UInt8)}, 255) AS lead_b,
                rank_a < {persons:UInt8} AND rank_b < {persons:UInt8} AS both_personal,
                a IN {isolated:Array(UUID)} OR b IN {isolated:Array(UUID)} AS is_cut
            FROM edges FINAL WHERE realm = {realm:String} AND verified
        )
        WHERE rank_a < 255 AND rank_b < 255
        UNION ALL
        SELECT b AS node, toUUID('00000000-0000-0000-0000-000000000000') AS profile_said,
            0 AS kind_said, rank_b AS rank_said, seen_ms, both_personal AND is_cut AS is_named,
            if(is_cut, 0, negate(sipHash64Keyed(({k0:UInt64}, {k1:UInt64}), a, b))::UInt64)
                AS first_sum,
            if(is_cut, 0, negate(sipHash64Keyed(({k1:UInt64}, {k0:UInt64}), a, b))::UInt64)
                AS second_sum,
            NOT is_cut AND (lead_a, a) < (lead_b, b) AS is_led,
            both_personal AND is_led AS is_led_by_personal
        FROM
        (
            SELECT a, b, toUnixTimestamp64Milli(first_seen) AS seen_ms,
                transform(a_type, {types:Array(String)}, {ranks:Array(UInt8)}, 255) AS rank_a,
                transform(a_type, {types:Array(String)}, {leads:Array(UInt8)}, 255) AS lead_a,
                transform(b_type, {types:Array(String)}, {ranks:Array(UInt8)}, 255) AS rank_b,
                transform(b_type, {types:Array(String)}, {leads:Array(UInt8)}, 255) AS lead_b,
                rank_a < {persons:UInt8} AND rank_b < {persons:UInt8} AS both_personal,
                a IN {isolated:Array(UUID)} OR b IN {isolated:Array(UUID)} AS is_cut
            FROM edges_reversed FINAL WHERE realm = {realm:String} AND verified
        )
        WHERE rank_a < 255 AND rank_b < 255
        UNION ALL
        SELECT node, profile, transform(kind::String, {kinds:Array(String)}, {codes:Array(UInt8)}, 0),
            255, {never_ms:Int64}, node IN {named:Array(UUID)}, 0, 0, 0, 0
        FROM map FINAL WHERE realm = {realm:String}
        UNION ALL
        SELECT arrayJoin([a, b]), toUUID('00000000-0000-0000-0000-000000000000'), 0, 255,
            {never_ms:Int64}, 1, 0, 0, 0, 0
        FROM decisions WHERE realm = {realm:String}
        UNION ALL
        SELECT arrayJoin([a, b]), toUUID('00000000-0000-0000-0000-000000000000'), 0, 255,
            {never_ms:Int64}, 1, 0, 0, 0, 0
        FROM refusals FINAL WHERE realm = {realm:String} AND active
        UNION ALL
        SELECT node, toUUID('00000000-0000-0000-0000-000000000000'), 0, 255,
            {never_ms:Int64}, 1, 0, 0, 0, 0
        FROM marks WHERE realm = {realm:String}
    )
    GROUP BY node
)
WHERE profile != toUUID('00000000-0000-0000-0000-000000000000')
GROUP BY profile
HAVING NOT
(
    max(named) = 0 AND max(first_ms) < {never_ms:Int64} AND sum(one) = 0 AND sum(two) = 0
    AND countIf(NOT led) = 1 AND countIf(rank < {persons:UInt8} AND NOT led_by_personal) <= 1
    AND countIf(rank IN {unique:Array(UInt8)}) <= 1 AND min(kind) = max(kind)
    AND countIf(rank IN {counted:Array(UInt8)}) <= {identifiers_max:UInt32}
    AND max(kind) = if(min(rank) < {persons:UInt8}, {person:UInt8}, {anonymous:UInt8})
    AND toUInt128(min(place)) = toUInt128(profile)
)
LIMIT {at_most:UInt32}
SETTINGS max_threads = 1, max_bytes_before_external_group_by = 300000000,
    temporary_files_buffer_size = 65536, max_read_buffer_size = 131072
