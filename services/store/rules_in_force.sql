-- history --
-- Every change of a realm's rules, the latest first; of every realm if none is given.
SELECT realm, since, rules_version, sha256, text, author, reason, decided_at, parts, identifiers,
    place, is_done
FROM identity_rules FINAL
WHERE {realm:String} = '' OR realm = {realm:String}
ORDER BY realm, since DESC

-- latest --
-- The rules that are in force, by realm.
SELECT realm, since, rules_version, sha256, text, author, reason, decided_at, parts, identifiers,
    place, is_done
FROM identity_rules FINAL
ORDER BY realm, since DESC LIMIT 1 BY realm

-- state --
-- What tells whether the rules in force are still the same.
SELECT realm, max(since), maxIf(since, is_done) FROM identity_rules GROUP BY realm
