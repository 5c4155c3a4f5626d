-- Identifiers of others whose values only events of an erased person said: kept with the erasure, so that
-- one which was interrupted, and whoever verifies a receipt, knows which values are to be gone.

ALTER TABLE erasure_runs ADD COLUMN IF NOT EXISTS unnamed Array(UUID)
    COMMENT 'identifiers of others whose values only the person had said' AFTER stated;
