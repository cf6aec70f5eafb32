-- Make an uploaded file readable, if all of its pieces are there.
--
-- KEYS  1 thread  2 files  3 file chunks
-- ARGV  file (its id), record (the StoredFile), size (in bytes), count (of its pieces)
-- Returns 1, or 0 if pieces are missing: its thread was deleted meanwhile.
local file, record, size, count = unpack(ARGV, 1, 4)
local stored = 0
for number = 0, count - 1 do
  local field = file .. ':' .. number
  if redis.call('HEXISTS', KEYS[3], field) == 0 then return 0 end
  stored = stored + redis.call('HSTRLEN', KEYS[3], field)
end
if stored ~= tonumber(size) then return 0 end
redis.call('HSET', KEYS[2], file, record)
-- An archive that was read before does not have it.
redis.call('HINCRBY', KEYS[1], 'changes', 1)
return 1
