-- applied --
-- The latest checksum of each migration on record.
SELECT version, argMax(md5, created_at) FROM schema_versions GROUP BY version

-- tables --
-- How many tables of this database have that name.
SELECT count() FROM system.tables WHERE database = currentDatabase() AND name = {name:String}

-- databases --
-- How many databases have that name.
SELECT count() FROM system.databases WHERE name = {name:String}
