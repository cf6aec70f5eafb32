#!lua flags=allow-oom
-- Store a reply's state before its request is sent, and restart the lease.
--
-- KEYS  1 due  2 clock  then for each reply: thread, outbox, unsent
-- ARGV  1 lease (ms)  then for each reply: thread id, fence, owner, reply key, reply
-- Returns for each reply 1, or 0 if its lease is lost or it is not the next reply to send.
-- With clock
local now = clock(KEYS[2])
local till = now + ARGV[1]
local marked = {}
for i = 3, #KEYS, 3 do
  local at = 2 + (i - 3) / 3 * 5
  local held = redis.call('HMGET', KEYS[i], 'sender', 'sending', 'posting', 'unreacted')
  if held[1] == ARGV[at + 1] and held[2] == ARGV[at + 2] and redis.call('LINDEX', KEYS[i + 2], 0) == ARGV[at + 3] then
    redis.call('HSET', KEYS[i + 1], ARGV[at + 3], ARGV[at + 4])
    -- An expired lease may still be ours, but another worker could claim the outbox while the request is in flight.
    redis.call('ZADD', KEYS[1], 'XX', till, ARGV[at])
    -- A reaction may arrive before the response to the request. Another attempt is the same reply. At most two unreacted
    -- replies count, as in two interleaved conversations; further reactions are one person's several messages.
    if held[3] ~= ARGV[at + 3] then
      redis.call('HSET', KEYS[i], 'posting', ARGV[at + 3], 'unreacted', math.min(2, (held[4] or 0) + 1))
    end
    redis.call('HSET', KEYS[i], 'said', now)
    marked[#marked + 1] = 1
  else
    marked[#marked + 1] = 0
  end
end
return marked
