#!lua flags=allow-oom
-- Settle a reply that was sent or has failed permanently: remove it from the unsent ones.
--
-- KEYS  1 due  2 counters  3 dead letter times  4 dead letters  5 dead letter payloads  6 thread  7 outbox  8 unsent  9 stream events  10 clock
-- ARGV  id (of the thread), fence, lease (ms), key (of the reply), reply, state ("sent" or "failed"),
--       letter (the dead letter of a failed reply, ""), payload (the reply to post on a replay, ""), owner, and the lists
--       failed (key, reply: parts that fail with it), events (kind, JSON): stream events
-- Returns the thread's next reply, under the same lease; "" if none is left and the outbox was released; nil if the
-- lease is lost.
-- With clock
-- With list
-- With append_events
local id, fence, lease, key, reply, state, letter, payload, owner = unpack(ARGV, 1, 9)
local failed, failed_end = list(10, 2)
local events, events_end = list(failed_end + 1, 2)
local now, wall = clock(KEYS[10])
local held = redis.call('HMGET', KEYS[6], 'sender', 'sending')
if held[1] ~= fence then return false end
-- A repeated call changes nothing and returns the same.
if held[2] == '' then return '' end
if held[2] ~= owner then return false end
if redis.call('LREM', KEYS[8], 1, key) == 1 then
  redis.call('HSET', KEYS[7], key, reply)
  redis.call('HINCRBY', KEYS[2], state == 'sent' and 'sent' or 'failed replies', 1)
  if state == 'sent' then redis.call('HSET', KEYS[6], 'said', now) end
  if state == 'failed' then
    redis.call('ZADD', KEYS[3], wall, key)
    redis.call('HSET', KEYS[4], key, letter)
    redis.call('HSET', KEYS[5], key, payload)
  end
  for part = failed, failed_end, 2 do
    redis.call('LREM', KEYS[8], 1, ARGV[part])
    redis.call('HSET', KEYS[7], ARGV[part], ARGV[part + 1])
  end
  -- A thread without stream events has no followers.
  if redis.call('EXISTS', KEYS[9]) == 1 then append_events(KEYS[9], events, events_end) end
end
local following = redis.call('LINDEX', KEYS[8], 0)
if not following then
  redis.call('ZREM', KEYS[1], id)
  redis.call('HSET', KEYS[6], 'sending', '')
  return ''
end
redis.call('ZADD', KEYS[1], now + lease, id)
return redis.call('HGET', KEYS[7], following)
