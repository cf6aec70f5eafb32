-- Hold something as its only owner, or go on holding it. Others take it over from an owner who no longer renews it. No
-- clock is asked: a waiting worker measures with its own for how long the number of renewals stays the same.
--
-- KEYS  1 what is held: HASH owner, renewals
-- ARGV  owner, stale (the number of renewals that the caller has seen for too long; "": none)
-- Returns 1 if the owner holds it now, else 0; and the number of renewals.
local owner, stale = unpack(ARGV, 1, 2)
local holder, renewals = unpack(redis.call('HMGET', KEYS[1], 'owner', 'renewals'))
if holder and holder ~= owner and renewals ~= stale then return {0, renewals} end
redis.call('HSET', KEYS[1], 'owner', owner)
return {1, tostring(redis.call('HINCRBY', KEYS[1], 'renewals', 1))}
