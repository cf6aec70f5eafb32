#!lua flags=allow-oom
-- Hand over the unsent replies of threads that `reserve` reserved in `due`, oldest first.
--
-- KEYS  1 due  2 counters  then for each thread: thread, outbox, unsent
-- ARGV  till (lease end, as `reserve` gave it), owner, and the list threads (their ids)
-- Returns for each thread {fence, the reply to send}, or nil if the reservation has expired or nothing is left to send.
-- With hold_outbox
-- With list
local till, owner = unpack(ARGV, 1, 2)
local threads, threads_end = list(3, 1)
local claimed = {}
for i = threads, threads_end do
  local at = 3 + (i - threads) * 3
  local thread, outbox, unsent = unpack(KEYS, at, at + 2)
  claimed[#claimed + 1] = false
  if tonumber(redis.call('ZSCORE', KEYS[1], ARGV[i])) == tonumber(till) then
    local reply = redis.call('LINDEX', unsent, 0)
    if reply then
      claimed[#claimed] = {hold_outbox(thread, KEYS[2], owner), redis.call('HGET', outbox, reply)}
    else
      -- The platform confirmed the last reply and its sender died.
      redis.call('ZREM', KEYS[1], ARGV[i])
      redis.call('HSET', thread, 'sending', '')
    end
  end
end
return claimed
