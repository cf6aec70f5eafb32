#!lua flags=allow-oom
-- Hand over the unsent replies of threads that `take` reserved in `due`, oldest first.
--
-- KEYS  1 due  then for each thread: thread, outbox, unsent
-- ARGV  1 lease end, as `take` gave it  then for each thread: its id
-- Returns for each thread {fence, the reply to send}, or nil when the reservation no longer stands
-- or nothing is left to send.
local till = tonumber(ARGV[1])
local claimed = {}
for i = 2, #ARGV do
  local at = 2 + (i - 2) * 3
  local thread, outbox, unsent = KEYS[at], KEYS[at + 1], KEYS[at + 2]
  claimed[#claimed + 1] = false
  if tonumber(redis.call('ZSCORE', KEYS[1], ARGV[i])) == till then
    local reply = redis.call('LINDEX', unsent, 0)
    if reply then
      local fence = redis.call('HINCRBY', thread, 'sender', 1)
      redis.call('HSET', thread, 'sending', 1)
      claimed[#claimed] = {fence, redis.call('HGET', outbox, reply)}
    else
      redis.call('ZREM', KEYS[1], ARGV[i])
    end
  end
end
return claimed
