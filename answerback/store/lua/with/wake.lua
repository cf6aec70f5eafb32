-- Leave a token that wakes one worker. The list is kept short: the queue is authoritative, and a token is only a hint to
-- look at it. Workers of one partition block on the list; those of several subscribe to its name, and take tokens when
-- the first one is announced.
local function wake(tokens)
  local length = redis.call('RPUSH', tokens, '')
  if length == 1 then redis.call('PUBLISH', tokens, '') end
  if length > 64 then redis.call('LTRIM', tokens, -64, -1) end
end
