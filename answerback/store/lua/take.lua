#!lua flags=allow-oom
-- Reserve threads: move up to `limit` claimable members of a queue to the end of a new lease.
-- That alone is the lock; `claim` then hands over the work of those it still finds at that score.
--
-- KEYS  1 queue (`ready` or `due`)  2 its wake  3 retrying
-- ARGV  1 limit  2 lease (ms)  3 what the caller took for now when it asked (ms), 0 if it does not know
-- Returns {lease end (ms), thread ids, ms until the next member becomes claimable or -1}.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local till = now + ARGV[2]
local ids = {}
-- A call that was long on its way comes out of a standstill: then all leases seem to be over, and those who hold
-- them must have the time to say otherwise.
if tonumber(ARGV[3]) == 0 or now - ARGV[3] <= ARGV[2] / 3 then
  ids = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now, 'LIMIT', 0, ARGV[1])
end
for _, id in ipairs(ids) do
  redis.call('ZADD', KEYS[1], till, id)
  redis.call('ZREM', KEYS[3], id)
end
local head = redis.call('ZRANGE', KEYS[1], 0, 0, 'WITHSCORES')
local wait = -1
if head[2] then
  wait = math.max(0, head[2] - now)
  if wait == 0 and #ids > 0 then
    redis.call('RPUSH', KEYS[2], '')
    redis.call('LTRIM', KEYS[2], -64, -1)
  end
end
return {till, ids, wait}
