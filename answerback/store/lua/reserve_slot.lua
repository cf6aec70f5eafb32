#!lua flags=allow-oom
-- Reserve the next time at which a reply may be sent within several rates (GCRA). The key of a rate holds the time at
-- which its burst is fully available again; a reply moves it by one interval, from the time at which all rates allow it.
--
-- KEYS  for each rate: slots
-- ARGV  the list rates (interval between two replies in µs, burst in replies), in the order of KEYS
-- Returns the ms until that time; 0 if it is now.
-- With list
local rates = list(1, 2)
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local whole, at = {}, now
for i = 1, #KEYS do
  local interval, burst = tonumber(ARGV[rates + 2 * i - 2]), tonumber(ARGV[rates + 2 * i - 1])
  whole[i] = math.max(now, tonumber(redis.call('GET', KEYS[i]) or now))
  at = math.max(at, whole[i] + interval - interval * burst)
end
for i = 1, #KEYS do
  local next = math.max(whole[i], at) + tonumber(ARGV[rates + 2 * i - 2])
  redis.call('SET', KEYS[i], string.format('%.0f', next), 'PX', math.ceil((next - now) / 1000))
end
return math.ceil((at - now) / 1000)
