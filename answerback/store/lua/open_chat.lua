-- Open a chat once: a thread that exists before its first message.
--
-- KEYS  1 thread  2 clock  then the sorted sets that it is listed in
-- ARGV  id (of the thread), digest (of its parameters), later (offset of its score from now (ms)), and the list
--       fields (name, value)
-- Returns "opened", "same" (it exists with the same parameters), "different", or "moved" (it is, or would be, in another
-- partition).
-- With list
local id, digest, later = unpack(ARGV, 1, 3)
local fields, fields_end = list(4, 2)
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local opened = redis.call('HGET', KEYS[1], 'opened')
if opened then return opened == digest and 'same' or 'different' end
if redis.call('HEXISTS', KEYS[2], 'closed') == 1 and redis.call('EXISTS', KEYS[1]) == 0 then
  return 'moved'
end
redis.call('HSET', KEYS[1], 'opened', digest, 'status', 'open', 'created', now, 'updated', now,
  unpack(ARGV, fields, fields_end))
for list = 3, #KEYS do
  redis.call('ZADD', KEYS[list], now + later, id)
end
return 'opened'
