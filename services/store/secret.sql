-- stored --
-- A property of the store.
SELECT value FROM properties FINAL WHERE name = {name:String}
