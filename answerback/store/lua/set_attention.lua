-- Set the attention of a thread. A turn that is running commits its own change, if it makes one.
--
-- KEYS  1 thread
-- ARGV  attention
-- Returns the attention before ("" if it was never set), or nil if there is no such thread.
local attention = unpack(ARGV, 1, 1)
if redis.call('EXISTS', KEYS[1]) == 0 then return false end
local before = redis.call('HGET', KEYS[1], 'attention') or ''
redis.call('HSET', KEYS[1], 'attention', attention)
-- Retention does not remove a thread that has changed since it was exported.
redis.call('HINCRBY', KEYS[1], 'changes', 1)
return before
