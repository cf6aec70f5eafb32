#!lua flags=allow-oom
-- Record how far a reply has come, before the next byte of it leaves.
--
-- KEYS  for each reply: thread, outbox, unsent
-- ARGV  for each reply: fence, reply key, reply
-- Returns for each reply 1, or 0 when its lease is lost or it is not the next to be sent.
local marked = {}
for i = 1, #KEYS, 3 do
  local held = redis.call('HMGET', KEYS[i], 'sender', 'sending')
  if held[1] == ARGV[i] and held[2] ~= '' and redis.call('LINDEX', KEYS[i + 2], 0) == ARGV[i + 1] then
    redis.call('HSET', KEYS[i + 1], ARGV[i + 1], ARGV[i + 2])
    marked[#marked + 1] = 1
  else
    marked[#marked + 1] = 0
  end
end
return marked
