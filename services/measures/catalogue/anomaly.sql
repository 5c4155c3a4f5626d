-- days --
-- How often customers did something on each day of the realm, by channel: in the window and in the
-- weeks before with which it is compared.
WITH
    -- CTEs of touches --
SELECT transform(type, {counted_types:Array(String)}, {series:Array(String)}, '') AS series, channel,
    toDate(at, {zone:String}) AS day, count() AS many, uniqExact(profile) AS persons
FROM touches
WHERE at >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC') - toIntervalDay({before_days:UInt16} + 1)
GROUP BY series, channel, day
