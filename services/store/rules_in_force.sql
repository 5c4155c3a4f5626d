-- history --
-- Every change of a realm's rules, the latest first; of every realm if none is given. The first
-- rules of a store are before all others. A change may have two rows, one ahead of its record and that
-- of the worker: the one that is further counts.
SELECT realm, since, rules_version, sha256, text, author, reason, decided_at, parts, identifiers,
    place, is_done
FROM identity_rules FINAL
WHERE {realm:String} = '' OR realm = {realm:String}
ORDER BY realm, since > 0 DESC, decided_at DESC, sha256 DESC, progress DESC
LIMIT 1 BY realm, since > 0, decided_at, sha256

-- latest --
-- The rules that are in force, by realm.
SELECT realm, since, rules_version, sha256, text, author, reason, decided_at, parts, identifiers,
    place, is_done
FROM identity_rules FINAL
ORDER BY realm, since > 0 DESC, decided_at DESC, sha256 DESC, progress DESC LIMIT 1 BY realm

-- state --
-- What tells whether the rules in force are still the same.
SELECT realm, since, decided_at, sha256, is_done
FROM identity_rules FINAL
ORDER BY realm, since > 0 DESC, decided_at DESC, sha256 DESC, progress DESC LIMIT 1 BY realm
