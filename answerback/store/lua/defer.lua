#!lua flags=allow-oom
-- Release an outbox: its next reply is attempted again after a delay.
--
-- KEYS  1 due  2 due wake  3 due retrying  4 thread  5 outbox  6 unsent  7 clock  8 due paused
-- ARGV  id (of the thread), fence, delay (ms), key (of the reply), reply, retry ("1" if it is one), owner,
--       pause ("replies:<platform>" if it waits until that is resumed, "")
-- Returns 1, or 0 when the lease is lost.
-- With clock
-- With wake
local id, fence, delay, key, reply, retry, owner, pause = unpack(ARGV, 1, 8)
local now = clock(KEYS[7])
local held = redis.call('HMGET', KEYS[4], 'sender', 'sending')
if held[1] ~= fence then return 0 end
if held[2] == '' then return 1 end
if held[2] ~= owner then return 0 end
redis.call('HSET', KEYS[4], 'sending', '')
local head = redis.call('LINDEX', KEYS[6], 0)
if head == key then
  redis.call('HSET', KEYS[5], key, reply)
  redis.call('ZADD', KEYS[1], now + delay, id)
  if retry == '1' then
    redis.call('ZADD', KEYS[3], now + delay, id)
  end
  if pause ~= '' then
    redis.call('HSET', KEYS[8], id, string.format('%.0f\n%.0f\n%s', now + delay, now, pause))
  end
elseif head then
  -- The platform has confirmed the reply meanwhile: the next one need not wait.
  redis.call('ZADD', KEYS[1], now, id)
else
  redis.call('ZREM', KEYS[1], id)
  return 1
end
wake(KEYS[2])
return 1
