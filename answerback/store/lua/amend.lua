-- Replace or remove a waiting entry: its message was edited or deleted.
--
-- KEYS  1 ready  2 ready retrying  3 counters  4 thread  5 inbox
-- ARGV  id (of the thread), stored (the entry as stored), entry (the new one, "" to remove it)
-- Returns "amended", "removed", "late" (it is being answered) or "gone" (it was changed or removed meanwhile).
local id, stored, entry = unpack(ARGV, 1, 3)
local position = redis.call('LPOS', KEYS[5], stored)
if not position then return 'gone' end
-- The `taken` entries at the head were handed to a turn that runs, or that will go on from its journal.
if position < tonumber(redis.call('HGET', KEYS[4], 'taken') or 0) then
  return 'late'
end
if entry ~= '' then
  redis.call('LSET', KEYS[5], position, entry)
  return 'amended'
end
redis.call('LREM', KEYS[5], 1, stored)
redis.call('HINCRBY', KEYS[3], 'waiting', -1)
if position == 0 then
  -- The failed attempts belong to this event, not to the next one.
  redis.call('HSET', KEYS[4], 'attempts', 0, 'crashes', 0, 'error', '')
end
if redis.call('LLEN', KEYS[5]) == 0 then
  redis.call('ZREM', KEYS[1], id)
  redis.call('ZREM', KEYS[2], id)
end
return 'removed'
