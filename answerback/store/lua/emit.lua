#!lua flags=allow-oom
-- Append stream events of running turns, each fenced.
--
-- KEYS  for each turn: thread, deltas
-- ARGV  for each turn: fence, owner, position, n, n times (kind, JSON)
-- Returns for each turn 1, or 0 if its lease is lost or it has ended, and nothing was written.
-- With append_events
local written = {}
local key, arg = 1, 1
while arg <= #ARGV do
  local held = redis.call('HMGET', KEYS[key], 'fence', 'owner', 'position')
  local past = arg + 4 + 2 * ARGV[arg + 3]
  if held[1] ~= ARGV[arg] or held[2] ~= ARGV[arg + 1] or (held[3] or '0') ~= ARGV[arg + 2] then
    written[#written + 1] = 0
  else
    append_events(KEYS[key + 1], arg + 4, past - 1)
    written[#written + 1] = 1
  end
  key, arg = key + 2, past
end
return written
