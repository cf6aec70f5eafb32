#!lua flags=allow-oom
-- Mark a reply as sent because the platform delivered our own message, whatever its sender knows.
--
-- KEYS  1 due  2 due wake  3 due retrying  4 counters  5 thread  6 outbox  7 unsent  8 stream events  9 clock
-- ARGV  id (of the thread), key (of the reply), stored (the reply as stored), sent (the reply as sent), and the list
--       events (kind, JSON): stream events
-- Returns "confirmed"; "changed" if the stored reply is another; "settled" if it is not among the unsent.
-- With clock
-- With list
-- With append_events
-- With wake
local id, key, stored, sent = unpack(ARGV, 1, 4)
local events, events_end = list(5, 2)
if redis.call('HGET', KEYS[6], key) ~= stored then return 'changed' end
local first = redis.call('LINDEX', KEYS[7], 0) == key
if redis.call('LREM', KEYS[7], 1, key) == 0 then return 'settled' end
redis.call('HSET', KEYS[6], key, sent)
redis.call('HINCRBY', KEYS[4], 'sent', 1)
redis.call('HSET', KEYS[5], 'said', (clock(KEYS[9])))
if redis.call('EXISTS', KEYS[8]) == 1 then append_events(KEYS[8], events, events_end) end
-- A current sender continues with the next reply, or finds none, when its request has been answered.
if first and (redis.call('HGET', KEYS[5], 'sending') or '') == '' then
  redis.call('ZREM', KEYS[3], id)
  if redis.call('EXISTS', KEYS[7]) == 0 then
    redis.call('ZREM', KEYS[1], id)
  else
    redis.call('ZADD', KEYS[1], 'XX', clock(KEYS[9]), id)
    wake(KEYS[2])
  end
end
return 'confirmed'
