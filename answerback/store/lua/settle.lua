#!lua flags=allow-oom
-- Settle a reply that was sent or has failed permanently: remove it from the unsent ones.
--
-- KEYS  1 due  2 counters  3 dead  4 letters  5 graves  6 thread  7 outbox  8 unsent  9 deltas  10 clock
-- ARGV  1 thread id  2 fence  3 lease (ms)  4 reply key  5 reply  6 "sent" or "failed"
--       7 the dead letter of a failed reply, ""  8 the reply to post on a replay, ""
--       9 owner  10 n  then n times (reply key, reply): parts that fail with it
--       then (kind, JSON): stream events
-- Returns the thread's next reply, under the same lease; "" if none is left and the outbox was released; nil if the
-- lease is lost.
-- With clock
-- With append_events
local told = 11 + 2 * ARGV[10]
local now, wall = clock(KEYS[10])
local held = redis.call('HMGET', KEYS[6], 'sender', 'sending')
if held[1] ~= ARGV[2] then return false end
-- A repeated call changes nothing and returns the same.
if held[2] == '' then return '' end
if held[2] ~= ARGV[9] then return false end
if redis.call('LREM', KEYS[8], 1, ARGV[4]) == 1 then
  redis.call('HSET', KEYS[7], ARGV[4], ARGV[5])
  redis.call('HINCRBY', KEYS[2], ARGV[6] == 'sent' and 'sent' or 'failed replies', 1)
  if ARGV[6] == 'sent' then redis.call('HSET', KEYS[6], 'said', now) end
  if ARGV[6] == 'failed' then
    redis.call('ZADD', KEYS[3], wall, ARGV[4])
    redis.call('HSET', KEYS[4], ARGV[4], ARGV[7])
    redis.call('HSET', KEYS[5], ARGV[4], ARGV[8])
  end
  for part = 11, told - 2, 2 do
    redis.call('LREM', KEYS[8], 1, ARGV[part])
    redis.call('HSET', KEYS[7], ARGV[part], ARGV[part + 1])
  end
  -- A thread without stream events has no followers.
  if redis.call('EXISTS', KEYS[9]) == 1 then append_events(KEYS[9], told, #ARGV) end
end
local reply = redis.call('LINDEX', KEYS[8], 0)
if not reply then
  redis.call('ZREM', KEYS[1], ARGV[1])
  redis.call('HSET', KEYS[6], 'sending', '')
  return ''
end
redis.call('ZADD', KEYS[1], now + ARGV[3], ARGV[1])
return redis.call('HGET', KEYS[7], reply)
