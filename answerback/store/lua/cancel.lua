#!lua flags=allow-oom
-- Cancel the running turn of a thread, or the next one if none is running. The mark is kept until that turn ends, so
-- it also reaches a worker that missed the signal.
--
-- KEYS  1 ready  2 ready wake  3 ready retrying  4 thread  5 inbox  6 clock
-- ARGV  id (of the thread), signals (the channel)
-- Returns 1, or 0 if there is nothing to cancel.
-- With clock
-- With wake
local id, signals = unpack(ARGV, 1, 2)
if redis.call('LLEN', KEYS[5]) == 0 then return 0 end
local held = redis.call('HMGET', KEYS[4], 'position', 'owner')
redis.call('HSET', KEYS[4], 'cancel', held[1] or '0')
if held[2] and held[2] ~= '' then
  redis.call('PUBLISH', signals, 'cancel\n' .. id)
else
  -- It waits for its next attempt: make a worker see the mark now.
  redis.call('ZADD', KEYS[1], 'LT', clock(KEYS[6]), id)
  redis.call('ZREM', KEYS[3], id)
  wake(KEYS[2])
end
return 1
