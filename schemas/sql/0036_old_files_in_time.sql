-- The task that removes replaced parts looks at least every 11 s at tables with rows about people, not every
-- five minutes when nobody writes them: an erasure waits for it (ADR 0120).

ALTER TABLE access_log MODIFY SETTING cleanup_delay_period = 10, max_cleanup_delay_period = 10,
    cleanup_delay_period_random_add = 1;
ALTER TABLE cancelled_claims MODIFY SETTING cleanup_delay_period = 10, max_cleanup_delay_period = 10,
    cleanup_delay_period_random_add = 1;
ALTER TABLE cancelled_orders MODIFY SETTING cleanup_delay_period = 10, max_cleanup_delay_period = 10,
    cleanup_delay_period_random_add = 1;
ALTER TABLE claims MODIFY SETTING cleanup_delay_period = 10, max_cleanup_delay_period = 10,
    cleanup_delay_period_random_add = 1;
ALTER TABLE completed_editions MODIFY SETTING cleanup_delay_period = 10, max_cleanup_delay_period = 10,
    cleanup_delay_period_random_add = 1;
ALTER TABLE consents MODIFY SETTING cleanup_delay_period = 10, max_cleanup_delay_period = 10,
    cleanup_delay_period_random_add = 1;
ALTER TABLE decisions MODIFY SETTING cleanup_delay_period = 10, max_cleanup_delay_period = 10,
    cleanup_delay_period_random_add = 1;
ALTER TABLE edges MODIFY SETTING cleanup_delay_period = 10, max_cleanup_delay_period = 10,
    cleanup_delay_period_random_add = 1;
ALTER TABLE edges_reversed MODIFY SETTING cleanup_delay_period = 10, max_cleanup_delay_period = 10,
    cleanup_delay_period_random_add = 1;
ALTER TABLE edition_offers MODIFY SETTING cleanup_delay_period = 10, max_cleanup_delay_period = 10,
    cleanup_delay_period_random_add = 1;
ALTER TABLE erasure_runs MODIFY SETTING cleanup_delay_period = 10, max_cleanup_delay_period = 10,
    cleanup_delay_period_random_add = 1;
ALTER TABLE event_ids MODIFY SETTING cleanup_delay_period = 10, max_cleanup_delay_period = 10,
    cleanup_delay_period_random_add = 1;
ALTER TABLE former_books MODIFY SETTING cleanup_delay_period = 10, max_cleanup_delay_period = 10,
    cleanup_delay_period_random_add = 1;
ALTER TABLE group_facts MODIFY SETTING cleanup_delay_period = 10, max_cleanup_delay_period = 10,
    cleanup_delay_period_random_add = 1;
ALTER TABLE group_keys MODIFY SETTING cleanup_delay_period = 10, max_cleanup_delay_period = 10,
    cleanup_delay_period_random_add = 1;
ALTER TABLE id_conflicts MODIFY SETTING cleanup_delay_period = 10, max_cleanup_delay_period = 10,
    cleanup_delay_period_random_add = 1;
ALTER TABLE idempotency MODIFY SETTING cleanup_delay_period = 10, max_cleanup_delay_period = 10,
    cleanup_delay_period_random_add = 1;
ALTER TABLE identifiers MODIFY SETTING cleanup_delay_period = 10, max_cleanup_delay_period = 10,
    cleanup_delay_period_random_add = 1;
ALTER TABLE incident_actions MODIFY SETTING cleanup_delay_period = 10, max_cleanup_delay_period = 10,
    cleanup_delay_period_random_add = 1;
ALTER TABLE incident_states MODIFY SETTING cleanup_delay_period = 10, max_cleanup_delay_period = 10,
    cleanup_delay_period_random_add = 1;
ALTER TABLE kept_objections MODIFY SETTING cleanup_delay_period = 10, max_cleanup_delay_period = 10,
    cleanup_delay_period_random_add = 1;
ALTER TABLE map MODIFY SETTING cleanup_delay_period = 10, max_cleanup_delay_period = 10,
    cleanup_delay_period_random_add = 1;
ALTER TABLE marks MODIFY SETTING cleanup_delay_period = 10, max_cleanup_delay_period = 10,
    cleanup_delay_period_random_add = 1;
ALTER TABLE members MODIFY SETTING cleanup_delay_period = 10, max_cleanup_delay_period = 10,
    cleanup_delay_period_random_add = 1;
ALTER TABLE node_values MODIFY SETTING cleanup_delay_period = 10, max_cleanup_delay_period = 10,
    cleanup_delay_period_random_add = 1;
ALTER TABLE observations MODIFY SETTING cleanup_delay_period = 10, max_cleanup_delay_period = 10,
    cleanup_delay_period_random_add = 1;
ALTER TABLE offers MODIFY SETTING cleanup_delay_period = 10, max_cleanup_delay_period = 10,
    cleanup_delay_period_random_add = 1;
ALTER TABLE order_keys MODIFY SETTING cleanup_delay_period = 10, max_cleanup_delay_period = 10,
    cleanup_delay_period_random_add = 1;
ALTER TABLE orders MODIFY SETTING cleanup_delay_period = 10, max_cleanup_delay_period = 10,
    cleanup_delay_period_random_add = 1;
ALTER TABLE price_claims MODIFY SETTING cleanup_delay_period = 10, max_cleanup_delay_period = 10,
    cleanup_delay_period_random_add = 1;
ALTER TABLE refusals MODIFY SETTING cleanup_delay_period = 10, max_cleanup_delay_period = 10,
    cleanup_delay_period_random_add = 1;
ALTER TABLE rejected MODIFY SETTING cleanup_delay_period = 10, max_cleanup_delay_period = 10,
    cleanup_delay_period_random_add = 1;
ALTER TABLE statements MODIFY SETTING cleanup_delay_period = 10, max_cleanup_delay_period = 10,
    cleanup_delay_period_random_add = 1;
ALTER TABLE suggestions MODIFY SETTING cleanup_delay_period = 10, max_cleanup_delay_period = 10,
    cleanup_delay_period_random_add = 1;
ALTER TABLE suppressions MODIFY SETTING cleanup_delay_period = 10, max_cleanup_delay_period = 10,
    cleanup_delay_period_random_add = 1;
ALTER TABLE surveys MODIFY SETTING cleanup_delay_period = 10, max_cleanup_delay_period = 10,
    cleanup_delay_period_random_add = 1;
ALTER TABLE timers MODIFY SETTING cleanup_delay_period = 10, max_cleanup_delay_period = 10,
    cleanup_delay_period_random_add = 1;
ALTER TABLE touchpoints MODIFY SETTING cleanup_delay_period = 10, max_cleanup_delay_period = 10,
    cleanup_delay_period_random_add = 1;
