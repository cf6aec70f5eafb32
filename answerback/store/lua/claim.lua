#!lua flags=allow-oom
-- Hand over the work of threads that `take` reserved: their locks, events, history and journals.
--
-- KEYS  1 ready  then for each thread: thread, inbox, history, journal
-- ARGV  1 lease end, as `take` gave it  2 owner  3 events at most  4 messages of history at most
--       then for each thread: its id
-- Returns for each thread {fence, position, attempt, agent, state, entries, history, journal}, or nil
-- when the reservation no longer stands or nothing is left to do.
local till = tonumber(ARGV[1])
local claimed = {}
for i = 5, #ARGV do
  local at = 2 + (i - 5) * 4
  local thread, inbox, history, journal = KEYS[at], KEYS[at + 1], KEYS[at + 2], KEYS[at + 3]
  local entries = false
  if tonumber(redis.call('ZSCORE', KEYS[1], ARGV[i])) == till then
    entries = redis.call('LRANGE', inbox, 0, ARGV[3] - 1)
    if #entries == 0 then
      redis.call('ZREM', KEYS[1], ARGV[i])
      entries = false
    end
  end
  if entries then
    local meta = redis.call('HMGET', thread, 'fence', 'attempts', 'position', 'agent', 'state')
    local fence, attempt = (meta[1] or 0) + 1, (meta[2] or 0) + 1
    redis.call('HSET', thread, 'fence', fence, 'attempts', attempt, 'owner', ARGV[2], 'taken', #entries)
    claimed[#claimed + 1] = {
      fence, tonumber(meta[3] or 0), attempt, meta[4] or '', meta[5] or '', entries,
      redis.call('LRANGE', history, -ARGV[4], -1), redis.call('HGETALL', journal),
    }
  else
    claimed[#claimed + 1] = false
  end
end
return claimed
