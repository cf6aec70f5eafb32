#!lua flags=allow-oom
-- Announce a follower of a platform's thread: for a while its turns write stream events.
--
-- KEYS  1 thread
-- ARGV  1 thread id  2 the channel of signals  3 how long (ms)
-- Returns 1, or 0 if there is no such thread.
if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
local time = redis.call('TIME')
redis.call('HSET', KEYS[1], 'live', time[1] * 1000 + math.floor(time[2] / 1000) + ARGV[3])
redis.call('PUBLISH', ARGV[2], 'live\n' .. ARGV[1])
return 1
