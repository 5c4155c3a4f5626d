-- Parts are named partition_first_last_level or partition_first_last_level_mutation; our tables have
-- one partition.

-- parts --
-- The active parts of tables: first and last block number, whether a mutation rewrote it.
SELECT table, name, min_block_number, max_block_number,
    length(splitByChar('_', name)) > 4
FROM system.parts
WHERE active AND database = currentDatabase() AND table IN {tables:Array(String)}

-- keys_of_touchpoints --
-- The keys of all rows of some parts.
SELECT DISTINCT 'touchpoints', _part, toString(node), '', '' FROM touchpoints
WHERE _part IN {touchpoints:Array(String)} LIMIT {limit:UInt32}

-- keys_of_orders --
-- The same.
SELECT DISTINCT 'orders', _part, toString(node), order_id, return_id FROM orders
WHERE _part IN {orders:Array(String)} LIMIT {limit:UInt32}

-- keys_of_order_keys --
-- The same.
SELECT DISTINCT 'order_keys', _part, toString(node), order_id, '' FROM order_keys
WHERE _part IN {order_keys:Array(String)} LIMIT {limit:UInt32}

-- keys_of_consents --
-- The same.
SELECT DISTINCT 'consents', _part, toString(node), '', '' FROM consents
WHERE _part IN {consents:Array(String)} LIMIT {limit:UInt32}

-- keys_of_observations --
-- The same.
SELECT DISTINCT 'observations', _part, toString(node), '', '' FROM observations
WHERE _part IN {observations:Array(String)} LIMIT {limit:UInt32}

-- keys_of_group_facts --
-- The same.
SELECT DISTINCT 'group_facts', _part, toString(node), '', '' FROM group_facts
WHERE _part IN {group_facts:Array(String)} LIMIT {limit:UInt32}

-- keys_of_group_keys --
-- The same.
SELECT DISTINCT 'group_keys', _part, toString(node), group_id, '' FROM group_keys
WHERE _part IN {group_keys:Array(String)} LIMIT {limit:UInt32}

-- keys_of_node_values --
-- The same.
SELECT DISTINCT 'node_values', _part, toString(node), '', '' FROM node_values
WHERE _part IN {node_values:Array(String)} LIMIT {limit:UInt32}

-- keys_of_members --
-- The same.
SELECT DISTINCT 'members', _part, toString(profile), toString(node), '' FROM members
WHERE _part IN {members:Array(String)} LIMIT {limit:UInt32}

-- keys_of_map --
-- The same.
SELECT DISTINCT 'map', _part, toString(node), toString(profile), '' FROM map
WHERE _part IN {map:Array(String)} LIMIT {limit:UInt32}

-- keys_of_erasures --
-- The same.
SELECT DISTINCT 'erasures', _part, toString(node), '', '' FROM erasures
WHERE _part IN {erasures:Array(String)} LIMIT {limit:UInt32}

-- keys_of_kept_objections --
-- The same.
SELECT DISTINCT 'kept_objections', _part, toString(node), '', '' FROM kept_objections
WHERE _part IN {kept_objections:Array(String)} LIMIT {limit:UInt32}

-- keys_of_suppressions --
-- The same.
SELECT DISTINCT 'suppressions', _part, toString(node), '', '' FROM suppressions
WHERE _part IN {suppressions:Array(String)} LIMIT {limit:UInt32}
