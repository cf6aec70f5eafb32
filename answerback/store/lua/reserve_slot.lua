#!lua flags=allow-oom
-- Reserve the next time at which a reply may be sent within each of several rates (GCRA), the narrowest first. As soon as
-- there is one to wait for, the others are left until then: what waits for its chat takes nothing of what chats share.
--
-- KEYS  for each rate: slots
-- ARGV  the list rates (interval between two replies in µs, burst in replies), in the order of KEYS
-- Returns {the number of rates for which it is reserved, the ms until the last of them; 0 if it is now}.
-- With list
local rates = list(1, 2)
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
for i = 1, #KEYS do
  local interval, burst = tonumber(ARGV[rates + 2 * i - 2]), tonumber(ARGV[rates + 2 * i - 1])
  local held = redis.call('HMGET', KEYS[i], 'full', 'wall')
  local full = tonumber(held[1] or now)
  -- The server's clock was set back: what was to come is as far away as before.
  if held[2] and tonumber(held[2]) > now then full = full - held[2] + now end
  full = math.max(full, now)
  local wait = math.max(0, full + interval - interval * burst - now)
  redis.call('HSET', KEYS[i], 'full', string.format('%.0f', full + interval), 'wall', string.format('%.0f', now))
  redis.call('PEXPIRE', KEYS[i], math.ceil((full + interval - now) / 1000))
  if wait > 0 then return {i, math.ceil(wait / 1000)} end
end
return {#KEYS, 0}
