-- Put a dead-lettered reply back at the end of its thread's outbox, with the parts in the same dead letter.
--
-- KEYS  1 due  2 due wake  3 dead  4 letters  5 graves  6 outbox  7 unsent  8 clock
-- ARGV  1 thread id  2 dead letter id (the reply's key)  3 … (reply key, reply)
-- Returns 1, or 0 if there is no such dead letter.
-- With clock
local now = clock(KEYS[8])
if redis.call('ZREM', KEYS[3], ARGV[2]) == 0 then return 0 end
redis.call('HDEL', KEYS[4], ARGV[2])
redis.call('HDEL', KEYS[5], ARGV[2])
for part = 3, #ARGV, 2 do
  redis.call('HSET', KEYS[6], ARGV[part], ARGV[part + 1])
  redis.call('RPUSH', KEYS[7], ARGV[part])
end
redis.call('ZADD', KEYS[1], 'NX', now, ARGV[1])
redis.call('RPUSH', KEYS[2], '')
redis.call('LTRIM', KEYS[2], -64, -1)
return 1
