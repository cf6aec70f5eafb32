-- Return a digest of all values of a hash, list or stream: each with its length before it. Of no values if it does not exist.
local function digest(key)
  local kind = redis.call('TYPE', key)['ok']
  local parts = {}
  local function add(values)
    for _, value in ipairs(values) do
      if type(value) == 'table' then
        add(value)
      else
        parts[#parts + 1] = #value .. ':' .. value
      end
    end
  end
  if kind == 'hash' then
    add(redis.call('HGETALL', key))
  elseif kind == 'list' then
    add(redis.call('LRANGE', key, 0, -1))
  elseif kind == 'stream' then
    add(redis.call('XRANGE', key, '-', '+'))
  end
  return redis.sha1hex(table.concat(parts))
end
