-- Change fields of a chat.
--
-- KEYS  1 thread
-- ARGV  fields and values
-- Returns 1, or 0 if there is no such chat.
if redis.call('HEXISTS', KEYS[1], 'opened') == 0 then return 0 end
redis.call('HSET', KEYS[1], unpack(ARGV))
redis.call('HINCRBY', KEYS[1], 'changes', 1)
return 1
