#!lua flags=allow-oom
-- Mark a reply as failed because its platform reports that, whatever its sender knows; also one that was sent.
--
-- KEYS  1 due  2 due wake  3 due retrying  4 counters  5 thread  6 outbox  7 unsent  8 stream events  9 clock
--       10 dead letter times  11 dead letters  12 dead letter payloads
-- ARGV  id (of the thread), key (of the reply), stored (the reply as stored), failed (the reply as failed), letter (its
--       dead letter), payload (the reply to post on a replay), and the list events (kind, JSON): stream events
-- Returns "failed"; "changed" if the stored reply is another.
-- With clock
-- With list
-- With append_events
-- With wake
local id, key, stored, failed, letter, payload = unpack(ARGV, 1, 6)
local events, events_end = list(7, 2)
if redis.call('HGET', KEYS[6], key) ~= stored then return 'changed' end
local now, wall = clock(KEYS[9])
local first = redis.call('LINDEX', KEYS[7], 0) == key
redis.call('LREM', KEYS[7], 1, key)
redis.call('HSET', KEYS[6], key, failed)
redis.call('HINCRBY', KEYS[4], 'failed replies', 1)
redis.call('ZADD', KEYS[10], wall, key)
redis.call('HSET', KEYS[11], key, letter)
redis.call('HSET', KEYS[12], key, payload)
if redis.call('EXISTS', KEYS[8]) == 1 then append_events(KEYS[8], events, events_end) end
-- A current sender continues with the next reply, or finds none, when its request has been answered.
if first and (redis.call('HGET', KEYS[5], 'sending') or '') == '' then
  redis.call('ZREM', KEYS[3], id)
  if redis.call('EXISTS', KEYS[7]) == 0 then
    redis.call('ZREM', KEYS[1], id)
  else
    redis.call('ZADD', KEYS[1], 'XX', now, id)
    wake(KEYS[2])
  end
end
return 'failed'
