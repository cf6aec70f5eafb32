-- Record how a turn ended ("" if that is not recorded), and append its messages, ARGV[first] to ARGV[last], to the
-- thread's history, replacing those of ARGV[old] to ARGV[old_last] that an earlier attempt left there.
local function finish(ends, history, record, old, old_last, first, last)
  if record ~= '' and redis.call('RPUSH', ends, record) > 250 then
    redis.call('LTRIM', ends, -200, -1)
  end
  for message = old, old_last do
    redis.call('LREM', history, -1, ARGV[message])
  end
  -- `unpack` is limited to a few thousand values.
  for message = first, last, 1000 do
    redis.call('RPUSH', history, unpack(ARGV, message, math.min(message + 999, last)))
  end
end
