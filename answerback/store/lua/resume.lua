#!lua flags=allow-oom
-- Put back into their queue the threads that wait for an agent or a platform which is not paused any more. May be
-- repeated: it also finds those that a worker put aside when it had not heard of the resume yet.
--
-- KEYS  1 queue (`ready` or `due`)  2 its wake  3 its paused threads
-- ARGV  the list paused (what is still paused: "agent:<agent>", "replies:<platform>")
-- Returns how many were put back. They are first in the queue, for they have waited longest.
-- With list
-- With wake
local paused, paused_end = list(1, 1)
local still, back = {}, 0
for i = paused, paused_end do still[ARGV[i]] = true end
local threads = redis.call('HGETALL', KEYS[3])
for i = 1, #threads, 2 do
  local id = threads[i]
  local score, since, what = string.match(threads[i + 1], '^(%d+)\n(%d+)\n(.*)$')
  if tonumber(redis.call('ZSCORE', KEYS[1], id)) ~= tonumber(score) then
    redis.call('HDEL', KEYS[3], id)
  elseif not still[what] then
    redis.call('ZADD', KEYS[1], since, id)
    redis.call('HDEL', KEYS[3], id)
    back = back + 1
  end
end
if back > 0 then wake(KEYS[2]) end
return back
