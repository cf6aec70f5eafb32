#!lua flags=allow-oom
-- Take a thread away with all it has, whoever works on it: its fence is gone, so nothing more is written.
--
-- KEYS  1 counters  2 thread  3 inbox  4 the thread's other keys, as many as `ARGV[2]`
--       then the sorted sets that it is listed in
-- ARGV  1 thread id  2 how many other keys  3 the channel of its deltas  4 what its followers are told, as JSON
-- Returns 1, or 0 when there was no such thread.
local waiting = redis.call('LLEN', KEYS[3])
local last = 3 + ARGV[2]
local found = redis.call('DEL', unpack(KEYS, 2, last))
if waiting > 0 then redis.call('HINCRBY', KEYS[1], 'waiting', -waiting) end
for list = last + 1, #KEYS do
  redis.call('ZREM', KEYS[list], ARGV[1])
end
if found > 0 then
  local time = redis.call('TIME')
  redis.call('PUBLISH', ARGV[3], time[1] * 1000 + math.floor(time[2] / 1000) + 1 .. '-0\ngone\n' .. ARGV[4])
end
return math.min(found, 1)
