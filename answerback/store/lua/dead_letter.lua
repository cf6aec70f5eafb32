#!lua flags=allow-oom
-- Move the events of a turn, at the head of a thread, to the dead letters; the thread goes on with the next.
--
-- KEYS  1 ready  2 ready wake  3 counters  4 dead  5 letters  6 graves
--       7 thread  8 inbox  9 journal  10 seen (of the last event)  11 deltas  12 clock  13 ends  14 history
-- ARGV  1 thread id  2 fence  3 turn id (the dead letter's id)  4 the entry to put back on a replay
--       5 the dead letter  6 how long its delivery is kept as dead (ms), 0 for not at all
--       7 entries it takes from the inbox  8 owner  9 how the turn ended (a TurnEnd)  then k, k messages that are replaced, n, n messages,
--       then pairs of (kind, JSON): its last deltas
-- Returns 1, or 0 when the lease is lost.
-- With clock
-- With finish
-- With append_events
local now, wall = clock(KEYS[12])
local held = redis.call('HMGET', KEYS[7], 'fence', 'committed', 'owner')
local once = table.concat({ARGV[3], ARGV[2], ARGV[8]}, ':')
if held[1] ~= ARGV[2] then return 0 end
if held[2] == once then return 1 end
if held[3] ~= ARGV[8] then return 0 end
redis.call('LTRIM', KEYS[8], ARGV[7], -1)
redis.call('DEL', KEYS[9])
redis.call('ZADD', KEYS[4], wall, ARGV[3])
redis.call('HSET', KEYS[5], ARGV[3], ARGV[5])
redis.call('HSET', KEYS[6], ARGV[3], ARGV[4])
if ARGV[6] ~= '0' then redis.call('SET', KEYS[10], 'dead ' .. ARGV[1], 'PX', ARGV[6]) end
redis.call('HINCRBY', KEYS[7], 'position', ARGV[7])
redis.call('HINCRBY', KEYS[7], 'buried', 1)
redis.call('HSET', KEYS[7], 'owner', '', 'attempts', 0, 'crashes', 0, 'taken', 0, 'committed', once, 'error', '')
redis.call('HINCRBY', KEYS[3], 'buried', 1)
redis.call('HINCRBY', KEYS[3], 'waiting', -ARGV[7])
local messages = 12 + ARGV[10]
local told = messages + ARGV[messages - 1]
finish(KEYS[13], KEYS[14], ARGV[9], 11, messages, told - 1)
append_events(KEYS[11], told, #ARGV)
if redis.call('LLEN', KEYS[8]) > 0 then
  redis.call('ZADD', KEYS[1], now, ARGV[1])
  redis.call('RPUSH', KEYS[2], '')
  redis.call('LTRIM', KEYS[2], -64, -1)
else
  redis.call('ZREM', KEYS[1], ARGV[1])
end
return 1
