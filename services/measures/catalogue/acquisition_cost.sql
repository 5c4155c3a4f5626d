-- costs --
-- What campaigns that were published in the window cost, by what they are for.
WITH
    -- CTEs of campaign_costs --
SELECT aim, count() AS campaigns, sum(cost)::Decimal(38, 4) AS cost FROM campaign_costs GROUP BY aim

-- groups --
-- Persons with an order by whether they were customers at both ends of the window.
WITH
    -- CTEs of purchases --,
    -- CTEs of customers --
SELECT at_start, at_end, is_new, count() AS persons
FROM customers GROUP BY at_start, at_end, is_new
