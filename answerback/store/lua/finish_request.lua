-- Store the response to a request with an idempotency key, or allow a retry.
--
-- KEYS  1 idempotency
-- ARGV  1 owner  2 status, 0 to allow a retry  3 headers  4 body
-- Returns 1, or 0 if the request has another owner by now.
if redis.call('HGET', KEYS[1], 'owner') ~= ARGV[1] then return 0 end
redis.call('HSET', KEYS[1], 'owner', '')
if ARGV[2] ~= '0' then redis.call('HSET', KEYS[1], 'status', ARGV[2], 'headers', ARGV[3], 'answer', ARGV[4]) end
return 1
