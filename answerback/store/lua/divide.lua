#!lua flags=allow-oom
-- Replace a reply that is too long for its platform with several parts.
--
-- KEYS  1 thread  2 outbox  3 unsent
-- ARGV  1 fence  2 owner  3 reply key  4 the reply, which is now its first part  5 … (reply key, reply): the others
-- Returns 1, or 0 if the lease is lost or it is not the next reply to send.
local held = redis.call('HMGET', KEYS[1], 'sender', 'sending')
if held[1] ~= ARGV[1] or held[2] ~= ARGV[2] or redis.call('LINDEX', KEYS[3], 0) ~= ARGV[3] then return 0 end
redis.call('HSET', KEYS[2], ARGV[3], ARGV[4])
local before = ARGV[3]
for part = 5, #ARGV, 2 do
  -- In a repeated call they are there already.
  if redis.call('HSETNX', KEYS[2], ARGV[part], ARGV[part + 1]) == 1 then
    redis.call('LINSERT', KEYS[3], 'AFTER', before, ARGV[part])
  end
  before = ARGV[part]
end
return 1
