-- The realm that a rejected line names, so that a key of one realm sees no lines of another: as its
-- text says it, empty where it cannot be read. A line that names none is of the realm `default`.
-- Lines that were rejected before are read when they are asked for, and written at the next merge.

ALTER TABLE rejected
    ADD COLUMN IF NOT EXISTS named_realm LowCardinality(String) DEFAULT if(
        isValidJSON(raw) AND JSONType(raw) = 'Object'
            AND countEqual(JSONExtractKeys(raw), 'realm') <= 1,
        multiIf(
            NOT JSONHas(raw, 'realm'), 'default',
            JSONType(raw, 'realm') = 'String' AND lengthUTF8(JSONExtractString(raw, 'realm')) <= 32,
            JSONExtractString(raw, 'realm'),
            ''),
        '') COMMENT 'realm that the line names; empty if it cannot be read';
