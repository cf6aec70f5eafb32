-- Put a dead-lettered event back at the end of its thread's inbox.
--
-- KEYS  1 ready  2 ready wake  3 counters  4 threads  5 dead letter times  6 dead letters  7 dead letter payloads
--       8 thread  9 inbox  10 seen  11 clock
-- ARGV  id (of the thread), letter (its id), entry (to put back), seen (how long its delivery id is kept (ms))
-- Returns 1, or 0 if there is no such dead letter.
-- With clock
-- With wake
local id, letter, entry, seen = unpack(ARGV, 1, 4)
local now, wall = clock(KEYS[11])
if redis.call('ZREM', KEYS[5], letter) == 0 then return 0 end
redis.call('HDEL', KEYS[6], letter)
redis.call('HDEL', KEYS[7], letter)
redis.call('SET', KEYS[10], 'stored ' .. id, 'PX', seen)
redis.call('HSETNX', KEYS[8], 'created', wall)
redis.call('RPUSH', KEYS[9], entry)
redis.call('ZADD', KEYS[4], wall, id)
redis.call('HINCRBY', KEYS[3], 'waiting', 1)
redis.call('ZADD', KEYS[1], 'NX', now, id)
wake(KEYS[2])
return 1
