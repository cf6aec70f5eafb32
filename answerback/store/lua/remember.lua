-- Remember the edit or deletion of a message that may come later: deliveries arrive in any order.
--
-- KEYS  1 amended
-- ARGV  1 message id  2 the amendment, or "deleted"  3 for how long (ms)
-- Returns 1, or 0 for the edit of a message that is deleted.
if redis.call('HGET', KEYS[1], ARGV[1]) == 'deleted' and ARGV[2] ~= 'deleted' then return 0 end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return 1
