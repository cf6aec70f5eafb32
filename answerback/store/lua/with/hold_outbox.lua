-- Give a thread's outbox to a sender. Return its fence: the first one of a thread is above those that another of its id had,
-- which was purged.
local function hold_outbox(thread, counters, owner)
  local fence = (redis.call('HGET', thread, 'sender') or redis.call('HGET', counters, 'fence') or 0) + 1
  redis.call('HSET', thread, 'sender', fence, 'sending', owner)
  return fence
end
