#!lua flags=allow-oom
-- Revoke an API key permanently.
--
-- KEYS  1 key
-- Returns 1, also if it was revoked before; 0 if there is no such key.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local revoked = redis.call('HGET', KEYS[1], 'revoked')
if not revoked then return 0 end
if revoked == '0' then redis.call('HSET', KEYS[1], 'revoked', now) end
return 1
