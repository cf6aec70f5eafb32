-- Replace a message of the history: it was edited or deleted after it was answered, or overheard.
--
-- KEYS  1 thread  2 history
-- ARGV  stored (the message as stored), message (the new one)
-- Returns 1; 0 if a turn runs, whose history stays as it is, or if the message was changed meanwhile.
local stored, message = unpack(ARGV, 1, 2)
if tonumber(redis.call('HGET', KEYS[1], 'taken') or 0) > 0 then return 0 end
local position = redis.call('LPOS', KEYS[2], stored)
if not position then return 0 end
redis.call('LSET', KEYS[2], position, message)
return 1
