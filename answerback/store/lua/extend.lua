#!lua flags=allow-oom
-- Renew all leases of a worker in one heartbeat, and keep its version of the agents' code alive.
--
-- KEYS  1 ready  2 due  3 clock  4 versions  then for each lease: thread
-- ARGV  lease (ms), owner, version, and the list leases ("ready" or "due", thread id, fence)
-- Returns {the server's time (ms), for each lease 1, 2 if its turn was cancelled, 3 if its holder has released it,
-- or 0 if it is lost}.
-- With clock
-- With list
local lease, owner, version = unpack(ARGV, 1, 3)
local leases = list(4, 3)
local now, wall = clock(KEYS[3], lease)
local till = now + lease
if version ~= '' then redis.call('ZADD', KEYS[4], till, version .. '\n' .. owner) end
redis.call('ZREMRANGEBYSCORE', KEYS[4], '-inf', now - 10 * lease)
local held = {}
for i = 5, #KEYS do
  local at = leases + (i - 5) * 3
  local queue, fence, holder = KEYS[1], 'fence', 'owner'
  if ARGV[at] == 'due' then queue, fence, holder = KEYS[2], 'sender', 'sending' end
  local lock = redis.call('HMGET', KEYS[i], fence, holder, 'cancel', 'position')
  -- The fence decides, not the clock: an expired lease is still ours unless another worker has claimed the thread.
  -- A thread released while this heartbeat was in flight must not be taken back by it.
  if lock[1] ~= ARGV[at + 2] or lock[2] and lock[2] ~= '' and lock[2] ~= owner then
    held[#held + 1] = 0
  elseif (lock[2] or '') == '' then
    held[#held + 1] = 3
  else
    redis.call('ZADD', queue, 'XX', till, ARGV[at + 1])
    held[#held + 1] = holder == 'owner' and lock[3] == (lock[4] or '0') and 2 or 1
  end
end
return {wall, held}
