-- Claim a session of a library's user, unless another worker holds it.
--
-- KEYS  1 session
-- ARGV  lease, kept (both in ms: how long the claim holds, how long an idle session is kept)
-- Returns {fence, data}, with data "" for a new session; {0, ms until the other claim expires}.
local lease, kept = unpack(ARGV, 1, 2)
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local held = redis.call('HMGET', KEYS[1], 'fence', 'until', 'data')
if held[2] and tonumber(held[2]) > now then return {0, held[2] - now} end
-- By the time, in µs, so that it also grows when the session was removed in between.
local fence = math.max((held[1] or 0) + 1, time[1] * 1000000 + time[2])
redis.call('HSET', KEYS[1], 'fence', fence, 'until', now + lease)
redis.call('PEXPIRE', KEYS[1], math.max(lease, kept))
return {fence, held[3] or ''}
