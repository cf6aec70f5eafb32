-- Find a thread while threads are being moved to other partitions: whether it is still in this one, of the former layout.
-- Changes nothing.
--
-- KEYS  1 clock  2 moved  3 thread  4 inbox  5 amendments
-- ARGV  id (of the thread)
-- Returns "here", also of a thread that does not exist, as long as one may be created here; "" if it is elsewhere; or the
-- id of its move if that has not been finished.
local id = unpack(ARGV, 1, 1)
if redis.call('HEXISTS', KEYS[1], 'closed') == 0 or redis.call('EXISTS', unpack(KEYS, 3, 5)) > 0 then return 'here' end
return redis.call('HGET', KEYS[2], id) or ''
