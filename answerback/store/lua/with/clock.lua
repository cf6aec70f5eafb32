-- The two clocks of a partition, in ms: the lease clock, by which its queues are kept, and the server's own.
--
-- The server's clock may be set, and the server, or all workers, may stand still: then every lease would seem to be
-- over although its holder lives. So the lease clock follows the server's, but never runs back, and moves by at most
-- three tenths of a lease between two calls that keep it. Workers make one in every fifth of a lease, so nothing
-- is cut off while they live; where something was, each has half a lease left in which to renew.
--
-- `lease` (ms) is given by the scripts that keep the clock, those of workers; the others only read it.
local function clock(key, lease)
  local time = redis.call('TIME')
  local wall = time[1] * 1000 + math.floor(time[2] / 1000)
  local held = redis.call('HMGET', key, 'wall', 'now', 'lease')
  local now = wall
  if held[1] then
    local passed, most = wall - held[1], math.floor(held[3] * 3 / 10)
    -- Set back, the server cannot tell how much has passed: somebody may have read that it was the most.
    if passed < 0 or passed > most then passed = most end
    now = held[2] + passed
    -- Now and then is often enough to write it.
    if passed * 50 < most and held[3] == lease then lease = nil end
  end
  if lease then redis.call('HSET', key, 'wall', wall, 'now', now, 'lease', lease) end
  return now, wall
end
