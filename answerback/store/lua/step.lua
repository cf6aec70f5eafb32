#!lua flags=allow-oom
-- Write journal records, each fenced, with the replies they add to the outbox.
--
-- KEYS  1 due  2 due wake  3 clock  then for each step: thread, journal, outbox, unsent
-- ARGV  version (of the agents' code)
--       then for each step: id (of the thread), fence, owner, position, name, record,
--       concludes ("1" if its replies are all of what was streamed), and the list replies (key, reply)
-- Returns for each step 1, or 0 if its lease is lost or its turn has ended, and nothing was written.
-- With clock
-- With list
-- With put_replies
-- With wake
local version = unpack(ARGV, 1, 1)
local now = clock(KEYS[3])
local written, woken = {}, 0
local key, arg = 4, 2

while arg <= #ARGV do
  local thread, journal, outbox, unsent = unpack(KEYS, key, key + 3)
  local id, fence, owner, position, name, record, concludes = unpack(ARGV, arg, arg + 6)
  local replies, replies_end = list(arg + 7, 2)
  key, arg = key + 4, replies_end + 1

  local held = redis.call('HMGET', thread, 'fence', 'owner', 'position', 'version')
  -- A delayed call must not write to the journal of the next turn.
  if held[1] ~= fence or held[2] ~= owner or (held[3] or '0') ~= position then
    written[#written + 1] = 0
  else
    redis.call('HSET', journal, name, record)
    if (held[4] or '') ~= version then redis.call('HSET', thread, 'version', version) end
    woken = woken + put_replies(KEYS[1], outbox, unsent, id, now, replies, replies_end)
    if concludes == '1' then redis.call('HDEL', thread, 'streamed') end
    written[#written + 1] = 1
  end
end
if woken > 0 then
  wake(KEYS[2])
end
return written
