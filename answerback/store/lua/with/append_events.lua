-- Append ARGV[first] to ARGV[last], pairs of kind and JSON, to a thread's stream events, and publish each.
local function append_events(deltas, first, last)
  for i = first, last, 2 do
    local id = redis.call('XADD', deltas, 'MAXLEN', '~', 10000, '*', 'k', ARGV[i], 'd', ARGV[i + 1])
    redis.call('PUBLISH', deltas, id .. '\n' .. ARGV[i] .. '\n' .. ARGV[i + 1])
  end
  if first < last then redis.call('PEXPIRE', deltas, 3600000) end
end
