-- Give up what one holds, so that another one need not wait. See hold.lua.
--
-- KEYS  1 what is held: HASH owner, renewals
-- ARGV  owner
-- Returns 1, or 0 if another one holds it.
local owner = unpack(ARGV, 1, 1)
if redis.call('HGET', KEYS[1], 'owner') ~= owner then return 0 end
return redis.call('HDEL', KEYS[1], 'owner')
