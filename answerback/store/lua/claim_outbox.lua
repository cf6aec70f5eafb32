#!lua flags=allow-oom
-- Hand over the unsent replies of threads that `reserve` reserved in `due`, oldest first.
--
-- KEYS  1 due  2 counters  then for each thread: thread, outbox, unsent
-- ARGV  1 lease end, as `reserve` gave it  2 owner  then for each thread: its id
-- Returns for each thread {fence, the reply to send}, or nil if the reservation has expired or nothing is left to send.
local till = tonumber(ARGV[1])
local claimed = {}
for i = 3, #ARGV do
  local at = 3 + (i - 3) * 3
  local thread, outbox, unsent = KEYS[at], KEYS[at + 1], KEYS[at + 2]
  claimed[#claimed + 1] = false
  if tonumber(redis.call('ZSCORE', KEYS[1], ARGV[i])) == till then
    local reply = redis.call('LINDEX', unsent, 0)
    if reply then
      -- The first one of a thread is above those that another of its id had, which was purged.
      local fence = (redis.call('HGET', thread, 'sender') or redis.call('HGET', KEYS[2], 'fence') or 0) + 1
      redis.call('HSET', thread, 'sender', fence, 'sending', ARGV[2])
      claimed[#claimed] = {fence, redis.call('HGET', outbox, reply)}
    else
      -- The platform confirmed the last reply and its sender died.
      redis.call('ZREM', KEYS[1], ARGV[i])
      redis.call('HSET', thread, 'sending', '')
    end
  end
end
return claimed
