-- Store the response to a request with an idempotency key, or allow a retry.
--
-- KEYS  1 idempotency
-- ARGV  owner, status (0 to allow a retry), headers, body
-- Returns 1, or 0 if the request has another owner by now.
local owner, status, headers, body = unpack(ARGV, 1, 4)
if redis.call('HGET', KEYS[1], 'owner') ~= owner then return 0 end
redis.call('HSET', KEYS[1], 'owner', '')
if status ~= '0' then redis.call('HSET', KEYS[1], 'status', status, 'headers', headers, 'answer', body) end
return 1
