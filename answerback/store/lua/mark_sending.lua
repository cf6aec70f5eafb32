#!lua flags=allow-oom
-- Store a reply's state before its request is sent, and restart the lease.
--
-- KEYS  1 due  2 clock  then for each reply: thread, outbox, unsent
-- ARGV  lease (ms)  then for each reply: id (of its thread), fence, owner, reply_key, reply,
--       said (1: a message to which somebody may react)
-- Returns for each reply 1, or 0 if its lease is lost or it is not the next reply to send.
-- With clock
local lease = unpack(ARGV, 1, 1)
local now = clock(KEYS[2])
local till = now + lease
local arg = 2
local marked = {}
for key = 3, #KEYS, 3 do
  local thread, outbox, unsent = unpack(KEYS, key, key + 2)
  local id, fence, owner, reply_key, reply, said = unpack(ARGV, arg, arg + 5)
  arg = arg + 6
  local held = redis.call('HMGET', thread, 'sender', 'sending', 'posting', 'unreacted')
  if held[1] == fence and held[2] == owner and redis.call('LINDEX', unsent, 0) == reply_key then
    redis.call('HSET', outbox, reply_key, reply)
    -- An expired lease may still be ours, but another worker could claim the outbox while the request is in flight.
    redis.call('ZADD', KEYS[1], 'XX', till, id)
    -- A reaction may arrive before the response to the request. Another attempt is the same reply. At most two unreacted
    -- replies count, as in two interleaved conversations; further reactions are one person's several messages.
    if said == '1' and held[3] ~= reply_key then
      redis.call('HSET', thread, 'posting', reply_key, 'unreacted', math.min(2, (held[4] or 0) + 1))
    end
    if said == '1' then redis.call('HSET', thread, 'said', now) end
    marked[#marked + 1] = 1
  else
    marked[#marked + 1] = 0
  end
end
return marked
