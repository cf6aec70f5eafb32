#!lua flags=allow-oom
-- Release an outbox: its next reply is attempted again after a delay.
--
-- KEYS  1 due  2 due wake  3 due retrying  4 thread  5 outbox  6 unsent  7 clock
-- ARGV  1 thread id  2 fence  3 delay (ms)  4 reply key  5 reply  6 "1" if it is a retry
--       7 owner
-- Returns 1, or 0 when the lease is lost.
-- With clock
local now = clock(KEYS[7])
local held = redis.call('HMGET', KEYS[4], 'sender', 'sending')
if held[1] ~= ARGV[2] then return 0 end
if held[2] == '' then return 1 end
if held[2] ~= ARGV[7] then return 0 end
redis.call('HSET', KEYS[4], 'sending', '')
local head = redis.call('LINDEX', KEYS[6], 0)
if head == ARGV[4] then
  redis.call('HSET', KEYS[5], ARGV[4], ARGV[5])
  redis.call('ZADD', KEYS[1], now + ARGV[3], ARGV[1])
  if ARGV[6] == '1' then
    redis.call('ZADD', KEYS[3], now + ARGV[3], ARGV[1])
  end
elseif head then
  -- The platform has confirmed the reply meanwhile: the next one need not wait.
  redis.call('ZADD', KEYS[1], now, ARGV[1])
else
  redis.call('ZREM', KEYS[1], ARGV[1])
  return 1
end
redis.call('RPUSH', KEYS[2], '')
redis.call('LTRIM', KEYS[2], -64, -1)
return 1
