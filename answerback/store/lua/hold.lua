-- Hold something as its only owner for some time, or go on holding it; or give it up.
--
-- KEYS  1 what is held: a string with its owner
-- ARGV  owner, ms (0: give it up)
-- Returns 1 if the owner holds it now, or 0 if another one does.
local owner, ms = unpack(ARGV, 1, 2)
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= owner then return 0 end
if ms == '0' then
  redis.call('DEL', KEYS[1])
  return 0
end
redis.call('SET', KEYS[1], owner, 'PX', ms)
return 1
