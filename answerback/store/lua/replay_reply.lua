-- Put a dead-lettered reply back at the end of its thread's outbox, with the parts in the same dead letter.
--
-- KEYS  1 due  2 due wake  3 dead letter times  4 dead letters  5 dead letter payloads  6 outbox  7 unsent  8 clock
-- ARGV  id (of the thread), letter (its id, the reply's key), and the list replies (key, reply)
-- Returns 1, or 0 if there is no such dead letter.
-- With clock
-- With list
-- With wake
local id, letter = unpack(ARGV, 1, 2)
local replies, replies_end = list(3, 2)
local now = clock(KEYS[8])
if redis.call('ZREM', KEYS[3], letter) == 0 then return 0 end
redis.call('HDEL', KEYS[4], letter)
redis.call('HDEL', KEYS[5], letter)
for part = replies, replies_end, 2 do
  redis.call('HSET', KEYS[6], ARGV[part], ARGV[part + 1])
  redis.call('RPUSH', KEYS[7], ARGV[part])
end
redis.call('ZADD', KEYS[1], 'NX', now, id)
wake(KEYS[2])
return 1
