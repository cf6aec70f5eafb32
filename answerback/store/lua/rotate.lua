-- Give an API key a new secret; the one it has is good for a while longer.
--
-- KEYS  1 key
-- ARGV  1 hash of the new secret  2 for how long the old one is still good (ms)
-- Returns 1, or 0 when there is no such key or it is revoked.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local held = redis.call('HMGET', KEYS[1], 'hash', 'revoked')
if not held[1] or held[2] ~= '0' then return 0 end
-- Said twice, the second call must not put the new secret in the old one's place.
if held[1] ~= ARGV[1] then
  redis.call('HSET', KEYS[1], 'hash', ARGV[1], 'previous', held[1], 'previous_until', now + ARGV[2])
end
return 1
