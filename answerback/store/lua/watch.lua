#!lua flags=allow-oom
-- Announce a follower of a platform's thread: for a while its turns write stream events.
--
-- KEYS  1 thread
-- ARGV  id (of the thread), signals (the channel), watched (how long (ms))
-- Returns 1, or 0 if there is no such thread.
local id, signals, watched = unpack(ARGV, 1, 3)
if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
local time = redis.call('TIME')
redis.call('HSET', KEYS[1], 'live', time[1] * 1000 + math.floor(time[2] / 1000) + watched)
redis.call('PUBLISH', signals, 'live\n' .. id)
return 1
