-- Put a dead-lettered event back at the end of its thread's inbox.
--
-- KEYS  1 ready  2 ready wake  3 counters  4 threads  5 dead  6 letters  7 graves
--       8 thread  9 inbox  10 seen  11 clock
-- ARGV  1 thread id  2 dead letter id  3 the entry to put back  4 how long its delivery id is kept (ms)
-- Returns 1, or 0 if there is no such dead letter.
-- With clock
local now, wall = clock(KEYS[11])
if redis.call('ZREM', KEYS[5], ARGV[2]) == 0 then return 0 end
redis.call('HDEL', KEYS[6], ARGV[2])
redis.call('HDEL', KEYS[7], ARGV[2])
redis.call('SET', KEYS[10], 'stored ' .. ARGV[1], 'PX', ARGV[4])
redis.call('HSETNX', KEYS[8], 'created', wall)
redis.call('RPUSH', KEYS[9], ARGV[3])
redis.call('ZADD', KEYS[4], wall, ARGV[1])
redis.call('HINCRBY', KEYS[3], 'waiting', 1)
redis.call('ZADD', KEYS[1], 'NX', now, ARGV[1])
redis.call('RPUSH', KEYS[2], '')
redis.call('LTRIM', KEYS[2], -64, -1)
return 1
