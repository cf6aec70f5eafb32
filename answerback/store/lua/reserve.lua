#!lua flags=allow-oom
-- Reserve threads: move up to `limit` claimable members of a queue to the end of a new lease. This score is the lock;
-- `claim` then returns the work of those that still have it.
--
-- KEYS  1 queue (`ready` or `due`)  2 its wake  3 retrying  4 clock
-- ARGV  limit, lease (ms)
-- Returns {lease end (ms), thread ids, ms until the next member becomes claimable or -1, the server's time (ms)}.
-- With clock
-- With wake
local limit, lease = unpack(ARGV, 1, 2)
local now, wall = clock(KEYS[4], lease)
local till = now + lease
local ids = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now, 'LIMIT', 0, limit)
if #ids > 0 then
  local leases = {}
  for i, id in ipairs(ids) do
    leases[2 * i - 1], leases[2 * i] = till, id
  end
  redis.call('ZADD', KEYS[1], unpack(leases))
  redis.call('ZREM', KEYS[3], unpack(ids))
end
local head = redis.call('ZRANGE', KEYS[1], 0, 0, 'WITHSCORES')
local wait = -1
if head[2] then
  wait = math.max(0, head[2] - now)
  if wait == 0 and #ids > 0 then
    wake(KEYS[2])
  end
end
return {till, ids, wait, wall}
