-- Add a thread that has left its former partition, from its copy. A repeated call changes nothing.
--
-- KEYS  1 ready  2 ready wake  3 ready retrying  4 due  5 due wake  6 due retrying  7 counters  8 threads
--       9 dead letter times  10 dead letters  11 dead letter payloads  12 ephemeral  13 unused files  14 clock
--       15 file sizes  16-17 the lists of chats that it may be in  18 incoming  then the keys of the thread: 19 thread
--       20 inbox  …, their copies, and for each delivery of its dead letters: seen
-- ARGV  id (of the thread), ahead (by how many ms its former lease clock was ahead of the server's clock), workspace, count
--       (of the thread's keys), seen (how long delivery ids are kept (ms)), updated, ephemeral, chat, user_chat (scores,
--       "": in none), ready, ready_retrying, due, due_retrying (ms until it may be claimed, "": not in this queue), and the lists
--       letters (id, when (ms), dead letter, payload), unused (member, score), states (of the deliveries)
-- Returns 1, or 0 if it has arrived before.
-- With clock
-- With list
-- With wake
local id, ahead, workspace, count, seen, updated, ephemeral, chat, user_chat, ready, ready_retrying, due,
  due_retrying = unpack(ARGV, 1, 13)
local letters, letters_end = list(14, 4)
local unused, unused_end = list(letters_end + 1, 2)
local states, states_end = list(unused_end + 1, 1)
if redis.call('EXISTS', KEYS[18]) == 0 then return 0 end
local now, wall = clock(KEYS[14])
local first = 19
local thread = KEYS[first]
local waiting = redis.call('LLEN', KEYS[first + count + 1])
local file_bytes = tonumber(redis.call('HGET', KEYS[first + count], 'file_bytes') or 0)
for i = 0, count - 1 do
  local copy, key = KEYS[first + count + i], KEYS[first + i]
  -- What was left behind of a thread that was removed must not replace a new one.
  if redis.call('EXISTS', copy) == 1 and redis.call('RENAMENX', copy, key) == 0 then redis.call('UNLINK', copy) end
end

-- Times by the lease clock of the former partition.
local shift = (now - wall) - ahead
for _, field in ipairs({ 'said', 'stirred' }) do
  if redis.call('HEXISTS', thread, field) == 1 then redis.call('HINCRBY', thread, field, shift) end
end

for key, score in pairs({ [8] = updated, [12] = ephemeral, [16] = chat, [17] = user_chat }) do
  if score ~= '' then redis.call('ZADD', KEYS[key], score, id) end
end
for letter = letters, letters_end, 4 do
  redis.call('ZADD', KEYS[9], ARGV[letter + 1], ARGV[letter])
  redis.call('HSET', KEYS[10], ARGV[letter], ARGV[letter + 2])
  redis.call('HSET', KEYS[11], ARGV[letter], ARGV[letter + 3])
end
-- Caches of the dead-letter index are invalidated.
if letters <= letters_end then redis.call('HINCRBY', KEYS[7], 'restored', (letters_end - letters + 1) / 4) end
for member = unused, unused_end, 2 do
  redis.call('ZADD', KEYS[13], ARGV[member + 1], ARGV[member])
end
for state = states, states_end do
  redis.call('SET', KEYS[first + 2 * count + state - states], ARGV[state], 'PX', seen, 'NX')
end
if waiting > 0 then redis.call('HINCRBY', KEYS[7], 'waiting', waiting) end
if file_bytes > 0 then redis.call('HINCRBY', KEYS[15], workspace, file_bytes) end
for key, wait in pairs({ [3] = ready_retrying, [6] = due_retrying }) do
  if wait ~= '' then redis.call('ZADD', KEYS[key], now + wait, id) end
end
for key, wait in pairs({ [1] = ready, [4] = due }) do
  if wait ~= '' then
    redis.call('ZADD', KEYS[key], now + wait, id)
    wake(KEYS[key + 1])
  end
end
redis.call('UNLINK', KEYS[18])
return 1
