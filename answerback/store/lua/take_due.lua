-- Take what is due from a schedule, for as long as it may take to do it: no other worker gets it until then.
--
-- KEYS  1 schedule
-- ARGV  limit (how many at most), lease (how long each is taken (ms))
-- Returns the members taken, those due for longest first.
local limit, lease = unpack(ARGV, 1, 2)
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local due = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now, 'LIMIT', 0, limit)
for _, member in ipairs(due) do
  redis.call('ZADD', KEYS[1], now + lease, member)
end
return due
