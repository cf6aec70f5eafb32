#!lua flags=allow-oom
-- Replace a reply that is too long for its platform with several parts.
--
-- KEYS  1 thread  2 outbox  3 unsent
-- ARGV  fence, owner, key (of the reply), first (the reply, which is now its first part), and the list parts (key, reply)
-- Returns 1, or 0 if the lease is lost or it is not the next reply to send.
-- With list
local fence, owner, key, first = unpack(ARGV, 1, 4)
local parts, parts_end = list(5, 2)
local held = redis.call('HMGET', KEYS[1], 'sender', 'sending')
if held[1] ~= fence or held[2] ~= owner or redis.call('LINDEX', KEYS[3], 0) ~= key then return 0 end
redis.call('HSET', KEYS[2], key, first)
local before = key
for part = parts, parts_end, 2 do
  -- In a repeated call they are there already.
  if redis.call('HSETNX', KEYS[2], ARGV[part], ARGV[part + 1]) == 1 then
    redis.call('LINSERT', KEYS[3], 'AFTER', before, ARGV[part])
  end
  before = ARGV[part]
end
return 1
