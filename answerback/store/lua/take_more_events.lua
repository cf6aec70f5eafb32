#!lua flags=allow-oom
-- Add more of a thread's waiting events to the turn that is about to begin.
--
-- KEYS  1 thread  2 inbox  3 threads
-- ARGV  id (of the thread), fence, most (events at most), interruptible ("1" if one that arrives later shall interrupt the
--       turn), owner
-- Returns {entries, ms since the last change in the thread}, or nil if the lease is lost.
local id, fence, most, interruptible, owner = unpack(ARGV, 1, 5)
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local held = redis.call('HMGET', KEYS[1], 'fence', 'owner')
if held[1] ~= fence or held[2] ~= owner then return nil end
local entries = redis.call('LRANGE', KEYS[2], 0, most - 1)
redis.call('HSET', KEYS[1], 'taken', #entries, 'interruptible', interruptible == '1' and fence or '')
return {entries, now - (redis.call('ZSCORE', KEYS[3], id) or 0)}
