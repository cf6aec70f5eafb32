#!lua flags=allow-oom
-- Revoke the claim on a thread: its turn is claimable at once, its outbox when the sender's lease ends.
--
-- KEYS  1 ready  2 ready wake  3 due  4 thread  5 journal  6 stream events  7 clock
-- ARGV  id (of the thread)
-- Returns {owner or "", since when (ms), ms until its outbox is claimable or -1 if it was not held}; nil if there is
-- no such thread.
-- With clock
-- With wake
local id = unpack(ARGV, 1, 1)
if redis.call('EXISTS', KEYS[4]) == 0 then return false end
local now = clock(KEYS[7])
local held = redis.call('HMGET', KEYS[4], 'fence', 'owner', 'claimed', 'attempts', 'sending')
local owner, wait = held[2] or '', -1
if owner ~= '' then
  -- As if its holder had released the thread: the attempt does not count.
  redis.call('HSET', KEYS[4], 'fence', held[1] + 1, 'owner', '', 'attempts', math.max(0, held[4] - 1))
  if redis.call('EXISTS', KEYS[5], KEYS[6]) == 0 then redis.call('HSET', KEYS[4], 'taken', 0) end
  redis.call('ZADD', KEYS[1], 'XX', now, id)
  -- The first worker waiting for a token may be the stalled one.
  for _ = 1, 8 do wake(KEYS[2]) end
end
if held[5] and held[5] ~= '' then
  -- A request may be in flight: looking for the reply on the platform too early would not find it yet.
  redis.call('HINCRBY', KEYS[4], 'sender', 1)
  redis.call('HSET', KEYS[4], 'sending', '')
  wait = math.max(0, (redis.call('ZSCORE', KEYS[3], id) or now) - now)
end
return {owner, tonumber(held[3] or 0), wait}
