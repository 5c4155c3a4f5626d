-- Old files of every table with rows about people go after half a minute, not after the eight minutes of a
-- server: an erasure removes the person from them, too (ADR 0120).

ALTER TABLE decisions MODIFY SETTING old_parts_lifetime = 30;
ALTER TABLE id_conflicts MODIFY SETTING old_parts_lifetime = 30;
ALTER TABLE incident_actions MODIFY SETTING old_parts_lifetime = 30;
ALTER TABLE incident_states MODIFY SETTING old_parts_lifetime = 30;
ALTER TABLE kept_objections MODIFY SETTING old_parts_lifetime = 30;
ALTER TABLE marks MODIFY SETTING old_parts_lifetime = 30;
ALTER TABLE refusals MODIFY SETTING old_parts_lifetime = 30;
ALTER TABLE rejected MODIFY SETTING old_parts_lifetime = 30;
ALTER TABLE suggestions MODIFY SETTING old_parts_lifetime = 30;
ALTER TABLE suppressions MODIFY SETTING old_parts_lifetime = 30;
ALTER TABLE timers MODIFY SETTING old_parts_lifetime = 30;
