-- Renew or release the claim of a session, and change its data, if no other worker has claimed it since.
--
-- KEYS  1 session
-- ARGV  fence, lease (ms; 0 releases it), kept (ms), change ("save" or "remove" the data, "" leaves it), data
-- Returns whether the claim still holds.
local fence, lease, kept, change, data = unpack(ARGV, 1, 5)
if redis.call('HGET', KEYS[1], 'fence') ~= fence then return 0 end
if change == 'save' then
  redis.call('HSET', KEYS[1], 'data', data)
elseif change == 'remove' then
  redis.call('HDEL', KEYS[1], 'data')
end
if lease == '0' then
  redis.call('HDEL', KEYS[1], 'until')
else
  local time = redis.call('TIME')
  redis.call('HSET', KEYS[1], 'until', time[1] * 1000 + math.floor(time[2] / 1000) + lease)
end
redis.call('PEXPIRE', KEYS[1], math.max(lease, kept))
return 1
