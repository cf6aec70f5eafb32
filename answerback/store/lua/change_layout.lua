-- Begin to move all threads to another number of partitions.
--
-- KEYS  1 layout
-- ARGV  count (of partitions), before (their number now)
-- Returns "begun", "same" (that is their number, or the one threads are being moved to), or "moving" (to another number).
local count, before = unpack(ARGV, 1, 2)
local held = redis.call('HMGET', KEYS[1], 'generation', 'count', 'former_count')
if (held[2] or before) == count then return 'same' end
if held[3] then return 'moving' end
local time = redis.call('TIME')
local generation = tonumber(held[1] or 0)
redis.call('HSET', KEYS[1], 'former_generation', generation, 'former_count', held[2] or before,
  'generation', generation + 1, 'count', count, 'begun', time[1] * 1000 + math.floor(time[2] / 1000))
return 'begun'
