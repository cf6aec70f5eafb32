-- Begin a request with an idempotency key, unless its response is stored or it is being handled.
--
-- KEYS  1 idempotency
-- ARGV  route, body (their digests), owner ("" for a request that may be handled several times), limit (of the owner's
--       time, ms), kept (how long it is kept (ms))
-- Returns {"begun"}, {"answered", status, headers, answer}, {"running", ms left},
-- {"another route"} or {"another body"}.
local route, body, owner, limit, kept = unpack(ARGV, 1, 5)
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local held = redis.call('HMGET', KEYS[1], 'route', 'body', 'status', 'headers', 'answer', 'owner', 'until')
if held[1] then
  if held[1] ~= route then return {'another route'} end
  if held[2] ~= body then return {'another body'} end
  if held[3] then return {'answered', held[3], held[4], held[5]} end
  -- It is compared, and remembered no longer for it: what its first one left is kept for so long.
  if owner == '' then return {'begun'} end
  if held[6] ~= '' and held[6] ~= owner and tonumber(held[7]) > now then return {'running', held[7] - now} end
end
redis.call('HSET', KEYS[1], 'route', route, 'body', body, 'owner', owner, 'until', now + limit)
if not held[1] then redis.call('PEXPIRE', KEYS[1], kept) end
return {'begun'}
