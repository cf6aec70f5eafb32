-- Put replies, ARGV[first] to ARGV[last], pairs of key and reply, into a thread's outbox, unless they are there already.
-- Return 1 if a sender is to be woken.
local function put_replies(due, outbox, unsent, id, now, first, last)
  local woken = 0
  for reply = first, last, 2 do
    if redis.call('HSETNX', outbox, ARGV[reply], ARGV[reply + 1]) == 1 then
      redis.call('RPUSH', unsent, ARGV[reply])
      woken = math.max(woken, redis.call('ZADD', due, 'NX', now, id))
    end
  end
  return woken
end
