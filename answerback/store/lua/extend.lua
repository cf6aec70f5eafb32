#!lua flags=allow-oom
-- One heartbeat for everything a worker holds.
--
-- KEYS  1 ready  2 due  3 clock  then for each lease: thread
-- ARGV  1 lease (ms)  2 owner  then for each lease: "ready" or "due", thread id, fence
-- Returns {the server's time (ms), for each lease 1, 2 when its turn was cancelled, 3 when its holder has given it up,
-- or 0 when it is lost}.
-- With clock
local now, wall = clock(KEYS[3], ARGV[1])
local till = now + ARGV[1]
local held = {}
for i = 4, #KEYS do
  local at = 3 + (i - 4) * 3
  local queue, fence, holder = KEYS[1], 'fence', 'owner'
  if ARGV[at] == 'due' then queue, fence, holder = KEYS[2], 'sender', 'sending' end
  local lock = redis.call('HMGET', KEYS[i], fence, holder, 'cancel', 'position')
  -- The fence decides, not the clock: a lease that ran out is still ours while nobody claimed it.
  -- One that was given up while this heartbeat was on its way must not be taken back by it.
  if lock[1] ~= ARGV[at + 2] or lock[2] and lock[2] ~= '' and lock[2] ~= ARGV[2] then
    held[#held + 1] = 0
  elseif (lock[2] or '') == '' then
    held[#held + 1] = 3
  else
    redis.call('ZADD', queue, 'XX', till, ARGV[at + 1])
    held[#held + 1] = holder == 'owner' and lock[3] == (lock[4] or '0') and 2 or 1
  end
end
return {wall, held}
