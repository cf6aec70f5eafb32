#!lua flags=allow-oom
-- Reserve parked turns for a version of the agents' code, as `reserve` does with others. Those that were reserved, or
-- given another time, since they were parked are parked no more.
--
-- KEYS  1 ready  2 retrying  3 clock  4 parked  5 versions
-- ARGV  limit, lease (ms), version
-- Returns {lease end (ms), thread ids, ms until the next one becomes claimable or -1, the server's time (ms), 1 if
-- workers with another version run}.
-- With clock
local limit, lease, version = unpack(ARGV, 1, 3)
local now, wall = clock(KEYS[3], lease)
local till = now + lease
local ids, wait, others = {}, -1, 0
local parked = redis.call('HGETALL', KEYS[4])
for i = 1, #parked, 2 do
  local id = parked[i]
  local score, due, reason = string.match(parked[i + 1], '^(%d+)\n(%d+)\n(.*)$')
  if reason == 'version:' .. version then
    if tonumber(redis.call('ZSCORE', KEYS[1], id)) ~= tonumber(score) then
      redis.call('HDEL', KEYS[4], id)
    elseif tonumber(due) > now then
      wait = wait < 0 and due - now or math.min(wait, due - now)
    elseif #ids < tonumber(limit) then
      redis.call('ZADD', KEYS[1], till, id)
      redis.call('ZREM', KEYS[2], id)
      redis.call('HDEL', KEYS[4], id)
      ids[#ids + 1] = id
    else
      wait = 0
    end
  end
end
for _, member in ipairs(redis.call('ZRANGEBYSCORE', KEYS[5], '(' .. now, '+inf')) do
  if string.sub(member, 1, #version + 1) ~= version .. '\n' then others = 1 end
end
return {till, ids, wait, wall, others}
