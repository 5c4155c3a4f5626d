-- What an erased person had only stated: kept with the erasure, so that one which was interrupted, and
-- whoever verifies a receipt, knows what else is to be gone.

ALTER TABLE erasure_runs ADD COLUMN IF NOT EXISTS stated Array(UUID)
    COMMENT 'identifiers that only the person had named, and that proved nothing' AFTER nodes;
