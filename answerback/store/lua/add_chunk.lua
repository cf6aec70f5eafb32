-- Store a piece of a file while it is uploaded. A repeated call changes nothing.
--
-- KEYS  1 thread  2 file chunks  3 file sizes  4 unused files
-- ARGV  id (of the thread), workspace, file (its id), number (of the piece, from 0), chunk, room (bytes that all files
--       of the thread may have)
-- Returns "stored", "full" (the thread has no room for it) or "gone" (the thread does not exist, or was deleted since
-- the piece before this one).
local id, workspace, file, number, chunk, room = unpack(ARGV, 1, 6)
if redis.call('EXISTS', KEYS[1]) == 0 then return 'gone' end
if number ~= '0' and redis.call('HEXISTS', KEYS[2], file .. ':' .. number - 1) == 0 then return 'gone' end
local field = file .. ':' .. number
local added = #chunk - redis.call('HSTRLEN', KEYS[2], field)
if (redis.call('HGET', KEYS[1], 'file_bytes') or 0) + added > tonumber(room) then return 'full' end
if number == '0' then
  local time = redis.call('TIME')
  redis.call('ZADD', KEYS[4], time[1] * 1000 + math.floor(time[2] / 1000), id .. ' ' .. file)
end
redis.call('HSET', KEYS[2], field, chunk)
redis.call('HINCRBY', KEYS[3], workspace, added)
redis.call('HINCRBY', KEYS[1], 'file_bytes', added)
-- Retention does not remove a thread that has changed since it was exported.
redis.call('HINCRBY', KEYS[1], 'changes', 1)
return 'stored'
