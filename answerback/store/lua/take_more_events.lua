#!lua flags=allow-oom
-- Add more of a thread's waiting events to the turn that is about to begin.
--
-- KEYS  1 thread  2 inbox  3 threads
-- ARGV  1 thread id  2 fence  3 events at most  4 "1" if one that arrives later shall interrupt the turn
--       5 owner
-- Returns {entries, ms since the last change in the thread}, or nil if the lease is lost.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local held = redis.call('HMGET', KEYS[1], 'fence', 'owner')
if held[1] ~= ARGV[2] or held[2] ~= ARGV[5] then return nil end
local entries = redis.call('LRANGE', KEYS[2], 0, ARGV[3] - 1)
redis.call('HSET', KEYS[1], 'taken', #entries, 'interruptible', ARGV[4] == '1' and ARGV[2] or '')
return {entries, now - (redis.call('ZSCORE', KEYS[3], ARGV[1]) or 0)}
