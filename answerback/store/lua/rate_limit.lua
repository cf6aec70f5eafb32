#!lua flags=allow-oom
-- Rate-limit callers (GCRA): each request moves the time at which the caller's burst is fully available again by one
-- interval, and that time may be at most a burst of intervals ahead.
--
-- KEYS  for each request: rate
-- ARGV  for each request: interval between two requests (µs), burst (requests), passed (requests that passed before it
--       without being counted), asked (1; 0 if there are only those)
-- Returns for each request {1, or 0 if it is rejected, requests left, ms until the next is allowed, ms until the whole
-- burst is available}.
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local results = {}
local arg = 1
for i = 1, #KEYS do
  local interval, burst, passed, asked = unpack(ARGV, arg, arg + 3)
  interval, burst, passed, arg = tonumber(interval), tonumber(burst), tonumber(passed), arg + 4
  local whole = math.max(now, tonumber(redis.call('GET', KEYS[i]) or now)) + interval * passed
  local through = 0
  if asked == '1' and whole + interval <= now + interval * burst then
    through = 1
    whole = whole + interval
  end
  if through + passed > 0 then
    redis.call('SET', KEYS[i], string.format('%.0f', whole), 'PX', math.ceil((whole - now) / 1000))
  end
  local left = math.max(0, math.floor((interval * burst - (whole - now)) / interval))
  local wait = left > 0 and 0 or math.ceil((whole + interval - now - interval * burst) / 1000)
  results[i] = {through, left, wait, math.ceil((whole - now) / 1000)}
end
return results
