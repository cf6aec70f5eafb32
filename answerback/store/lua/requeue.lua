#!lua flags=allow-oom
-- Make a thread claimable now if it waits for its next attempt or is missing from its queue.
--
-- KEYS  twice, for `ready` and for `due`: queue, wake, retrying, what waits (inbox, unsent)  then 9 thread  10 clock
-- ARGV  id (of the thread)
-- Returns for turn and outbox "requeued", "lost" (it was missing from its queue and has been added), "held", "ready"
-- (it was claimable already) or "empty"; nil if there is no such thread.
-- With clock
-- With wake
local id = unpack(ARGV, 1, 1)
if redis.call('EXISTS', KEYS[9]) == 0 then return false end
local now = clock(KEYS[10])
local holders = redis.call('HMGET', KEYS[9], 'owner', 'sending')

local function requeue(queue, tokens, retrying, waiting, holder)
  if redis.call('LLEN', waiting) == 0 then return 'empty' end
  local score = redis.call('ZSCORE', queue, id)
  if score and holder and holder ~= '' then return 'held' end
  if score and tonumber(score) <= now then return 'ready' end
  -- Not in this millisecond: a worker that reserved it in the same one could not be distinguished from the next.
  redis.call('ZADD', queue, now + 1, id)
  redis.call('ZREM', retrying, id)
  wake(tokens)
  return score and 'requeued' or 'lost'
end

return {
  requeue(KEYS[1], KEYS[2], KEYS[3], KEYS[4], holders[1]),
  requeue(KEYS[5], KEYS[6], KEYS[7], KEYS[8], holders[2]),
}
