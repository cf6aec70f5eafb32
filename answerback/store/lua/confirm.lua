#!lua flags=allow-oom
-- Mark a reply as sent because the platform delivered our own message, whatever its sender knows.
--
-- KEYS  1 due  2 due wake  3 due retrying  4 counters  5 thread  6 outbox  7 unsent  8 deltas  9 clock
-- ARGV  1 thread id  2 reply key  3 the reply as stored  4 the reply as sent
--       5 … (kind, JSON): stream events
-- Returns "confirmed"; "changed" if the stored reply is another; "settled" if it is not among the unsent.
-- With clock
-- With append_events
if redis.call('HGET', KEYS[6], ARGV[2]) ~= ARGV[3] then return 'changed' end
local first = redis.call('LINDEX', KEYS[7], 0) == ARGV[2]
if redis.call('LREM', KEYS[7], 1, ARGV[2]) == 0 then return 'settled' end
redis.call('HSET', KEYS[6], ARGV[2], ARGV[4])
redis.call('HINCRBY', KEYS[4], 'sent', 1)
redis.call('HSET', KEYS[5], 'said', (clock(KEYS[9])))
if redis.call('EXISTS', KEYS[8]) == 1 then append_events(KEYS[8], 5, #ARGV) end
-- A current sender continues with the next reply, or finds none, when its request has been answered.
if first and (redis.call('HGET', KEYS[5], 'sending') or '') == '' then
  redis.call('ZREM', KEYS[3], ARGV[1])
  if redis.call('EXISTS', KEYS[7]) == 0 then
    redis.call('ZREM', KEYS[1], ARGV[1])
  else
    redis.call('ZADD', KEYS[1], 'XX', clock(KEYS[9]), ARGV[1])
    redis.call('RPUSH', KEYS[2], '')
    redis.call('LTRIM', KEYS[2], -64, -1)
  end
end
return 'confirmed'
