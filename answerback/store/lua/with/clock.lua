-- The two clocks of a partition, in ms: the lease clock, used for the scores of its queues, and the server's own.
--
-- The server's clock may step, and the server or all workers may stall: every lease would then seem to have expired
-- although its holder is alive. So the lease clock follows the server's clock, but never runs backwards, and advances by
-- at most three tenths of a lease between two calls that update it. Workers call at least every fifth of a lease, so
-- no time is lost while they are alive; after a stall, each still has half a lease in which to renew.
--
-- `lease` (ms) is passed by the scripts that update the clock, those of workers; the others only read it.
local function clock(key, lease)
  local time = redis.call('TIME')
  local wall = time[1] * 1000 + math.floor(time[2] / 1000)
  local held = redis.call('HMGET', key, 'wall', 'now', 'lease')
  local now = wall
  if held[1] then
    local passed, most = wall - held[1], math.floor(held[3] * 3 / 10)
    -- After a step back, the elapsed time is unknown: a reader may have seen the maximum.
    if passed < 0 or passed > most then passed = most end
    now = held[2] + passed
    -- Writing it occasionally is enough.
    if passed * 50 < most and held[3] == lease then lease = nil end
  end
  if lease then redis.call('HSET', key, 'wall', wall, 'now', now, 'lease', lease) end
  return now, wall
end
