-- highest --
-- The highest version in each of these parts.
SELECT _part, max(version) FROM segment_changes WHERE _part IN {parts:Array(String)} GROUP BY _part

-- latest --
-- The highest version of any change up to one, in these parts; 0 if there is none.
SELECT max(version) FROM segment_changes
WHERE _part IN {parts:Array(String)} AND version <= {until:UInt64}

-- changed --
-- Changes that batches wrote, in the order of batch and key. A key is of hexadecimal digits and
-- hyphens, and of one profile and segment it rises with the sequence. Deliberately without FINAL: no
-- row is written twice, and one that is left out for a later one of its sequence was a change, too.
-- Without parts all are read.
SELECT version,
    concat(toString(node), '-', leftPad(lower(hex(sequence)), 8, '0'), '-',
        leftPad(lower(hex(sipHash64(realm, segment))), 16, '0')) AS key,
    realm, segment, definition, node, change, reason, at, tick, late, because, supersedes, sequence,
    into_node
FROM segment_changes
WHERE (empty({parts:Array(String)}) OR _part IN {parts:Array(String)})
    AND version >= {after:UInt64} AND version <= {until:UInt64}
    AND (version, key) > ({after:UInt64}, {after_key:String})
    AND ({realm:String} = '' OR realm = {realm:String})
    AND ({segment:String} = '' OR segment = {segment:String})
ORDER BY version, key LIMIT {rows:UInt32}
