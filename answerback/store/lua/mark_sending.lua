#!lua flags=allow-oom
-- Record how far a reply has come, before the next byte of it leaves; the lease begins anew.
--
-- KEYS  1 due  2 clock  then for each reply: thread, outbox, unsent
-- ARGV  1 lease (ms)  then for each reply: thread id, fence, owner, reply key, reply
-- Returns for each reply 1, or 0 when its lease is lost or it is not the next to be sent.
-- With clock
local now = clock(KEYS[2])
local till = now + ARGV[1]
local marked = {}
for i = 3, #KEYS, 3 do
  local at = 2 + (i - 3) / 3 * 5
  local held = redis.call('HMGET', KEYS[i], 'sender', 'sending', 'posting', 'unreacted')
  if held[1] == ARGV[at + 1] and held[2] == ARGV[at + 2] and redis.call('LINDEX', KEYS[i + 2], 0) == ARGV[at + 3] then
    redis.call('HSET', KEYS[i + 1], ARGV[at + 3], ARGV[at + 4])
    -- A lease that had run out was still ours, but anyone might have claimed it while the request is under way.
    redis.call('ZADD', KEYS[1], 'XX', till, ARGV[at])
    -- Somebody may react to it before its sender knows that it is there. Another try is the same reply. Two may be
    -- reacted to one by one, as where two conversations are under way; more that pile up are one person's many words.
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
