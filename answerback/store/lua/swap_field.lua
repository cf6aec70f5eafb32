-- Replace a field of a hash if it has not changed since it was read.
--
-- KEYS  1 hash
-- ARGV  field, old (the value that was read; "": there was none), new ("": remove the field)
-- Returns 1, or 0 if the field has another value.
local field, old, new = unpack(ARGV, 1, 3)
if (redis.call('HGET', KEYS[1], field) or '') ~= old then return 0 end
if new == '' then
  redis.call('HDEL', KEYS[1], field)
else
  redis.call('HSET', KEYS[1], field, new)
end
return 1
