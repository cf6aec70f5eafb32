-- Leave a token that wakes one worker. The list is kept short: the queue is authoritative, and a token is only a hint to
-- look at it. Workers of one partition block on the list; those of several subscribe to its name, and take tokens when
-- the first one is announced. A token may name the thread that there is to claim.
local function wake(tokens, thread)
  local length = redis.call('RPUSH', tokens, thread or '')
  if length == 1 then redis.call('PUBLISH', tokens, thread or '') end
  if length > 64 then redis.call('LTRIM', tokens, -64, -1) end
end
