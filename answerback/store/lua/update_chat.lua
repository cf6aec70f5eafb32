-- Change fields of a chat.
--
-- KEYS  1 thread
-- ARGV  the list fields (name, value)
-- Returns 1, or 0 if there is no such chat.
-- With list
local fields, fields_end = list(1, 2)
if redis.call('HEXISTS', KEYS[1], 'opened') == 0 then return 0 end
redis.call('HSET', KEYS[1], unpack(ARGV, fields, fields_end))
redis.call('HINCRBY', KEYS[1], 'changes', 1)
return 1
