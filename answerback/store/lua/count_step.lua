#!lua flags=allow-oom
-- Count a step of the server's clock once, although several workers observe it.
--
-- KEYS  1 clock
-- ARGV  step (its size (ms), negative for backward)
-- Returns 1, or 0 if it was counted before.
-- With clock
local now, wall = clock(KEYS[1])
local step = unpack(ARGV, 1, 1)
local held = redis.call('HMGET', KEYS[1], 'step', 'noted', 'lease')
-- All live workers observe it within a fifth of a lease, and agree on its size up to the duration of a call.
if held[2] and now - held[2] < tonumber(held[3] or 0) and math.abs(held[1] - step) < 1000 then return 0 end
redis.call('HSET', KEYS[1], 'step', step, 'noted', now, 'stepped', wall)
redis.call('HINCRBY', KEYS[1], 'steps', 1)
return 1
