-- On a server events come in while others are removed: one that is listed may be corrected, and a
-- body that is newer than the listed one stays. A list from before names no version, and nothing is
-- newer than what it lists.

ALTER TABLE expired_events
    ADD COLUMN IF NOT EXISTS version UInt64 DEFAULT 18446744073709551615
        COMMENT 'of the body that has expired';

ALTER TABLE event_cutoffs
    COMMENT COLUMN IF EXISTS stage
        '0 noted, older ones may still land, 1 noted, 2 events listed, 3 edges renewed, 4 all is removed';
