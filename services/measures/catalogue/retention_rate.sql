-- groups --
-- Persons with an order by whether they were customers at both ends of the window.
WITH
    -- CTEs of purchases --,
    -- CTEs of customers --
SELECT at_start, at_end, is_new, count() AS persons
FROM customers GROUP BY at_start, at_end, is_new
