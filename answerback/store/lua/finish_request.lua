-- Keep the answer of a request that named itself, or let it be tried again.
--
-- KEYS  1 idempotency
-- ARGV  1 owner  2 status, 0 to let it be tried again  3 headers  4 answer
-- Returns 1, or 0 when it is not the owner's any more.
if redis.call('HGET', KEYS[1], 'owner') ~= ARGV[1] then return 0 end
redis.call('HSET', KEYS[1], 'owner', '')
if ARGV[2] ~= '0' then redis.call('HSET', KEYS[1], 'status', ARGV[2], 'headers', ARGV[3], 'answer', ARGV[4]) end
return 1
