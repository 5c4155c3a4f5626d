-- Rejected lines remember whether they were sent with a public write key: replayed, they must not be
-- trusted like an import.

ALTER TABLE rejected
    ADD COLUMN IF NOT EXISTS is_public Bool COMMENT 'sent with a public write key';
