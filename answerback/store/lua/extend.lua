#!lua flags=allow-oom
-- One heartbeat for everything a worker holds.
--
-- KEYS  1 ready  2 due  then for each lease: thread
-- ARGV  1 lease (ms)  then for each lease: "ready" or "due", thread id, fence
-- Returns for each lease 1, 2 when its turn was cancelled, 3 when its holder has given it up, or 0 when it is lost.
local time = redis.call('TIME')
local till = time[1] * 1000 + math.floor(time[2] / 1000) + ARGV[1]
local held = {}
for i = 3, #KEYS do
  local at = 2 + (i - 3) * 3
  local queue, fence, holder = KEYS[1], 'fence', 'owner'
  if ARGV[at] == 'due' then queue, fence, holder = KEYS[2], 'sender', 'sending' end
  local lock = redis.call('HMGET', KEYS[i], fence, holder, 'cancel', 'position')
  -- The fence decides, not the clock: a lease that ran out is still ours while nobody claimed it.
  -- One that was given up while this heartbeat was on its way must not be taken back by it.
  if lock[1] ~= ARGV[at + 2] then
    held[#held + 1] = 0
  elseif (lock[2] or '') == '' then
    held[#held + 1] = 3
  else
    redis.call('ZADD', queue, 'XX', till, ARGV[at + 1])
    held[#held + 1] = holder == 'owner' and lock[3] == (lock[4] or '0') and 2 or 1
  end
end
return held
