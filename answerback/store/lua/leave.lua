-- Remove a thread from a partition of the former layout, if it is not held and is as it was copied.
--
-- KEYS  1 ready  2 ready retrying  3 due  4 due retrying  5 counters  6 threads  7 dead letter times  8 dead letters
--       9 dead letter payloads  10 ephemeral  11 unused files  12 clock  13 moved  14 file sizes  15-16 the lists of chats
--       that it may be in  then the keys of the thread: 17 thread  18 inbox  19 amendments  20 stream events  …
-- ARGV  id (of the thread), move (its id), till (lease end of our reservation, "": none), queue (that it was reserved
--       from), dead_letters (the state of the partition's dead letters), workspace, busy_for (how long a reserved thread
--       that is held waits for its next attempt (ms)), and the lists
--       digests (of the thread's keys, see lua/with/digest.lua), letters (ids), unused (members of unused files)
-- Returns "left"; or, with nothing changed, "open" (the partition is not closed yet), "held", "changed", or "gone" (it
-- has left before, or does not exist).
-- With clock
-- With list
-- With digest
local id, move, till, queue, dead_letters, workspace, busy_for = unpack(ARGV, 1, 7)
local digests, digests_end = list(8, 1)
local letters, letters_end = list(digests_end + 1, 1)
local unused, unused_end = list(letters_end + 1, 1)
local first = 17
if redis.call('HEXISTS', KEYS[12], 'closed') == 0 then return 'open' end
if (redis.call('HGET', KEYS[13], id) or '') ~= '' then return 'gone' end
if redis.call('EXISTS', unpack(KEYS, first)) == 0 and letters > letters_end then return 'gone' end
local now, wall = clock(KEYS[12])

-- Return whether a worker holds the thread in a queue; an expired lease holds nothing, nor does our own reservation.
local function is_held(key, name, owner)
  local score = redis.call('ZSCORE', key, id)
  if not score or tonumber(score) <= now then return false end
  if till ~= '' and queue == name and tonumber(score) == tonumber(till) then return false end
  local holder = redis.call('HGET', KEYS[first], owner)
  return holder and holder ~= '' or false
end

if is_held(KEYS[1], 'ready', 'owner') or is_held(KEYS[3], 'due', 'sending') then
  if till ~= '' and queue == 'ready' and tonumber(redis.call('ZSCORE', KEYS[1], id)) == tonumber(till) then
    redis.call('ZADD', KEYS[1], now + busy_for, id)
  end
  return 'held'
end
local counted = redis.call('HMGET', KEYS[5], 'buried', 'failed replies', 'restored')
if dead_letters ~= (counted[1] or 0) .. ':' .. (counted[2] or 0) .. ':' .. (counted[3] or 0) then return 'changed' end
-- They are read before the thread is: another worker may have moved it since, or a letter was replayed or deleted.
for i = letters, letters_end do
  if not redis.call('ZSCORE', KEYS[7], ARGV[i]) then return 'changed' end
end
for i = digests, digests_end do
  if digest(KEYS[first + i - digests]) ~= ARGV[i] then return 'changed' end
end

local waiting = redis.call('LLEN', KEYS[18])
if waiting > 0 then redis.call('HINCRBY', KEYS[5], 'waiting', -waiting) end
local file_bytes = tonumber(redis.call('HGET', KEYS[first], 'file_bytes') or 0)
if file_bytes > 0 then redis.call('HINCRBY', KEYS[14], workspace, -file_bytes) end
for _, key in ipairs({ 1, 2, 3, 4, 6, 10, 15, 16 }) do
  redis.call('ZREM', KEYS[key], id)
end
for i = letters, letters_end do
  redis.call('ZREM', KEYS[7], ARGV[i])
  redis.call('HDEL', KEYS[8], ARGV[i])
  redis.call('HDEL', KEYS[9], ARGV[i])
end
for i = unused, unused_end do
  redis.call('ZREM', KEYS[11], ARGV[i])
end
redis.call('UNLINK', unpack(KEYS, first))
redis.call('HSET', KEYS[13], id, move)
-- Its followers read on from where it is now.
redis.call('PUBLISH', KEYS[20], wall .. '-0\nmoved\n{}')
return 'left'
