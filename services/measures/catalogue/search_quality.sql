-- searches --
-- Searches of the window, by what was found and what followed within ten minutes.
WITH
    -- CTEs of interactions --,
    -- CTEs of searches --
SELECT uniqExact(profile) AS persons, count() AS searches, countIf(is_empty) AS nothing_found,
    uniqExactIf(profile, NOT is_empty) AS finders,
    countIf(NOT is_empty AND NOT is_followed) AS no_click, countIf(NOT is_empty AND NOT is_taken)
        AS no_cart
FROM searches

-- terms --
-- Terms that failed most often, of enough persons each: nothing was found, or nothing followed.
-- What looks like a name at a mail service or a number is masked.
WITH
    -- CTEs of interactions --,
    -- CTEs of searches --
SELECT if(match(term, '@|([0-9][ ./-]*){6}'), '(masked)', term) AS shown,
    uniqExact(profile) AS persons, count() AS searches,
    countIf(is_empty OR NOT is_followed AND NOT is_taken) AS failed
FROM searches WHERE term != '' GROUP BY shown HAVING persons >= {persons_min:UInt8}
ORDER BY failed DESC, shown LIMIT {terms_max:UInt16}
