-- Store the edit or deletion of a message that may arrive later: deliveries arrive in any order.
--
-- KEYS  1 amendments  2 thread  3 inbox  4 clock
-- ARGV  message (its id), amendment (encoded, or "deleted"), kept (how long (ms)), at (when it happened (ms), 0: unknown)
-- Returns 1; 0 for the edit of a deleted message; -1 if its thread is, or would be, in another partition; or a later edit
-- that is stored already.
local message, amendment, kept, at = unpack(ARGV, 1, 4)
if redis.call('HEXISTS', KEYS[4], 'closed') == 1 and redis.call('EXISTS', unpack(KEYS, 1, 3)) == 0 then return -1 end
local held = redis.call('HGET', KEYS[1], message)
if held == 'deleted' and amendment ~= 'deleted' then return 0 end
-- Message ids contain no line break.
local time = message .. '\nat'
if held and amendment ~= 'deleted' and at ~= '0' then
  if tonumber(redis.call('HGET', KEYS[1], time) or 0) > tonumber(at) then return held end
end
redis.call('HSET', KEYS[1], message, amendment, time, at)
redis.call('PEXPIRE', KEYS[1], kept)
return 1
