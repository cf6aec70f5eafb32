-- Store the edit or deletion of a message that may arrive later: deliveries arrive in any order.
--
-- KEYS  1 amended
-- ARGV  1 message id  2 the amendment, or "deleted"  3 how long it is kept (ms)  4 when it happened (ms; 0 if unknown)
-- Returns 1; 0 for the edit of a deleted message; or a later edit that is stored already.
local held = redis.call('HGET', KEYS[1], ARGV[1])
if held == 'deleted' and ARGV[2] ~= 'deleted' then return 0 end
-- Message ids contain no line break.
local time = ARGV[1] .. '\nat'
if held and ARGV[2] ~= 'deleted' and ARGV[4] ~= '0' then
  if tonumber(redis.call('HGET', KEYS[1], time) or 0) > tonumber(ARGV[4]) then return held end
end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2], time, ARGV[4])
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return 1
