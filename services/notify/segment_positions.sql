-- position --
-- Up to where a target is done.
SELECT last_id FROM segment_position WHERE target = ?

-- refusals --
-- How often a target has refused the message that is next.
SELECT refusals FROM segment_position WHERE target = ?
