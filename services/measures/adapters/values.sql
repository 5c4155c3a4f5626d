-- latest --
-- What a measure was, the latest computation first; of one definition if it is given.
SELECT map_version, result FROM insight_values
WHERE realm = {realm:String} AND measure = {measure:String}
    AND ({definition:String} = '' OR definition = {definition:String})
ORDER BY computed_at DESC LIMIT 1 BY computed_at LIMIT {limit:UInt32}
