#!lua flags=allow-oom
-- Delete a file, or what there is of an unfinished upload.
--
-- KEYS  1 thread  2 files  3 file chunks  4 file sizes  5 unused files
-- ARGV  id (of the thread), workspace, file (its id), before (only if it has been unused since then, ms; "": in any case)
-- Returns 1 if the file could be read, else 0.
local id, workspace, file, before = unpack(ARGV, 1, 4)
local member = id .. ' ' .. file
if before ~= '' then
  local since = redis.call('ZSCORE', KEYS[5], member)
  if not since or tonumber(since) > tonumber(before) then return 0 end
end
redis.call('ZREM', KEYS[5], member)
local number, bytes = 0, 0
while redis.call('HEXISTS', KEYS[3], file .. ':' .. number) == 1 do
  bytes = bytes + redis.call('HSTRLEN', KEYS[3], file .. ':' .. number)
  redis.call('HDEL', KEYS[3], file .. ':' .. number)
  number = number + 1
end
if number > 0 then
  redis.call('HINCRBY', KEYS[4], workspace, -bytes)
  -- An earlier version that removes a thread leaves its files.
  if redis.call('EXISTS', KEYS[1]) == 1 then
    redis.call('HINCRBY', KEYS[1], 'file_bytes', -bytes)
    redis.call('HINCRBY', KEYS[1], 'changes', 1)
  end
end
return redis.call('HDEL', KEYS[2], file)
