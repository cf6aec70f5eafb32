#!lua flags=allow-oom
-- Give a thread up without having handled its events: for another try later, or handed back.
--
-- KEYS  1 ready  2 ready wake  3 retrying  4 counters  5 thread  6 journal
-- ARGV  1 thread id  2 fence  3 delay (ms)  4 "failed" (the attempt counts) or "handed back"
--       5 the error in a line, "" if there was none
-- Returns 1, or 0 when the lease is lost.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local held = redis.call('HMGET', KEYS[5], 'fence', 'owner')
if held[1] ~= ARGV[2] then return 0 end
if held[2] == '' then return 1 end
redis.call('HSET', KEYS[5], 'owner', '', 'error', ARGV[5])
if redis.call('EXISTS', KEYS[6]) == 0 then
  -- Nothing was done yet, so what waits may still be amended.
  redis.call('HSET', KEYS[5], 'taken', 0)
end
redis.call('ZADD', KEYS[1], now + ARGV[3], ARGV[1])
if ARGV[4] == 'failed' then
  redis.call('ZADD', KEYS[3], now + ARGV[3], ARGV[1])
  redis.call('HINCRBY', KEYS[4], 'failed', 1)
else
  redis.call('HINCRBY', KEYS[5], 'attempts', -1)
end
-- Whoever idles must learn of the new time, even when it lies in the future.
redis.call('RPUSH', KEYS[2], '')
redis.call('LTRIM', KEYS[2], -64, -1)
return 1
