#!lua flags=allow-oom
-- Append stream events of running turns, each fenced.
--
-- KEYS  for each turn: thread, stream events
-- ARGV  for each turn: fence, owner, position, and the list events (kind, JSON)
-- Returns for each turn 1, or 0 if its lease is lost or it has ended, and nothing was written.
-- With list
-- With append_events
local written = {}
local key, arg = 1, 1
while arg <= #ARGV do
  local thread, stream_events = unpack(KEYS, key, key + 1)
  local fence, owner, position = unpack(ARGV, arg, arg + 2)
  local events, events_end = list(arg + 3, 2)
  key, arg = key + 2, events_end + 1
  local held = redis.call('HMGET', thread, 'fence', 'owner', 'position')
  if held[1] ~= fence or held[2] ~= owner or (held[3] or '0') ~= position then
    written[#written + 1] = 0
  else
    append_events(stream_events, events, events_end)
    written[#written + 1] = 1
  end
end
return written
