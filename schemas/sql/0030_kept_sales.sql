-- An erasure may keep the sales without the person. The key of their new ids is kept with it until the
-- old ones are removed, and then forgotten.

ALTER TABLE erasure_runs ADD COLUMN IF NOT EXISTS pseudonym_key String
    COMMENT 'random; empty once the original sales are removed, and if none are kept' AFTER counts;

ALTER TABLE erasure_runs MODIFY SETTING old_parts_lifetime = 30;

ALTER TABLE erasure_orders ADD COLUMN IF NOT EXISTS anonymise Bool
    COMMENT 'sales are kept without the person' AFTER erased_at;
