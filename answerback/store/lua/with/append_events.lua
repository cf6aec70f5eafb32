-- Append ARGV[first] to ARGV[last], pairs of kind and JSON, to a thread's stream events, and publish each.
local function append_events(stream_events, first, last)
  for i = first, last, 2 do
    local id = redis.call('XADD', stream_events, 'MAXLEN', '~', 10000, '*', 'k', ARGV[i], 'd', ARGV[i + 1])
    redis.call('PUBLISH', stream_events, id .. '\n' .. ARGV[i] .. '\n' .. ARGV[i + 1])
  end
  if first < last then redis.call('PEXPIRE', stream_events, 3600000) end
end
