-- Give an API key a new secret; the old one stays valid for a while.
--
-- KEYS  1 key
-- ARGV  hash (of the new secret), grace (how long the old one stays valid (ms))
-- Returns 1, or 0 if there is no such key or it is revoked.
local hash, grace = unpack(ARGV, 1, 2)
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local held = redis.call('HMGET', KEYS[1], 'hash', 'revoked')
if not held[1] or held[2] ~= '0' then return 0 end
-- A repeated call must not replace the old secret with the new one.
if held[1] ~= hash then
  redis.call('HSET', KEYS[1], 'hash', hash, 'previous', held[1], 'previous_until', now + grace)
end
return 1
