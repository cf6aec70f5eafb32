-- Begin a request with an idempotency key, unless its response is stored or it is being handled.
--
-- KEYS  1 idempotency
-- ARGV  1 digest of its route  2 digest of its body  3 owner ("" for a request that may be handled several times)
--       4 time limit of the owner (ms)  5 how long it is kept (ms)
-- Returns {"begun"}, {"answered", status, headers, answer}, {"running", ms left},
-- {"another route"} or {"another body"}.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local held = redis.call('HMGET', KEYS[1], 'route', 'body', 'status', 'headers', 'answer', 'owner', 'until')
if held[1] then
  if held[1] ~= ARGV[1] then return {'another route'} end
  if held[2] ~= ARGV[2] then return {'another body'} end
  if held[3] then return {'answered', held[3], held[4], held[5]} end
  -- It is compared, and remembered no longer for it: what its first one left is kept for so long.
  if ARGV[3] == '' then return {'begun'} end
  if held[6] ~= '' and held[6] ~= ARGV[3] and tonumber(held[7]) > now then return {'running', held[7] - now} end
end
redis.call('HSET', KEYS[1], 'route', ARGV[1], 'body', ARGV[2], 'owner', ARGV[3], 'until', now + ARGV[4])
if not held[1] then redis.call('PEXPIRE', KEYS[1], ARGV[5]) end
return {'begun'}
