#!lua flags=allow-oom
-- Store which messages show a reply that is being written, before a request about one of them is sent, and restart the
-- lease of the thread.
--
-- KEYS  1 ready  2 clock  3 thread  4 unsent
-- ARGV  id (of the thread), fence, owner, position, lease (ms), streamed (a StreamedReply, "": none),
--       first ("1" if its first message is to be begun)
-- Returns 1; 0 if the lease is lost or the turn has ended; 2 if earlier replies are still to be sent. Then, and if it is
-- 0, nothing was stored, and nothing may be sent.
-- With clock
local id, fence, owner, position, lease, streamed, first = unpack(ARGV, 1, 7)
local held = redis.call('HMGET', KEYS[3], 'fence', 'owner', 'position')
if held[1] ~= fence or held[2] ~= owner or (held[3] or '0') ~= position then return 0 end
if first == '1' and redis.call('EXISTS', KEYS[4]) == 1 then return 2 end
if streamed == '' then
  redis.call('HDEL', KEYS[3], 'streamed')
else
  redis.call('HSET', KEYS[3], 'streamed', streamed)
end
redis.call('ZADD', KEYS[1], 'XX', clock(KEYS[2]) + lease, id)
return 1
