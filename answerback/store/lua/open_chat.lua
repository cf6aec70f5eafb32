-- Open a chat once: a thread that exists before its first message.
--
-- KEYS  1 thread  then the sorted sets that it is listed in
-- ARGV  1 thread id  2 digest of its parameters  3 offset of its score from now (ms)
--       then fields and values
-- Returns "opened", "same" (it exists with the same parameters) or "different".
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local opened = redis.call('HGET', KEYS[1], 'opened')
if opened then return opened == ARGV[2] and 'same' or 'different' end
redis.call('HSET', KEYS[1], 'opened', ARGV[2], 'status', 'open', 'created', now, 'updated', now,
  unpack(ARGV, 4))
for list = 2, #KEYS do
  redis.call('ZADD', KEYS[list], now + ARGV[3], ARGV[1])
end
return 'opened'
