-- Replace a thread with an archived thread, or with nothing; its holder's writes are rejected from then on.
--
-- KEYS  1 ready  2 ready wake  3 ready retrying  4 due  5 due wake  6 due retrying  7 counters  8 threads
--       9 dead letter times  10 dead letters  11 dead letter payloads  12 thread  13 inbox  14 history  15 journal
--       16 outbox  17 unsent  18 stream events  19-21 the lists of chats that it may be in  22 clock  23 turn ends
--       24 amendments  25 files  26 file chunks  27 file sizes  then the lists that the archive goes into, and for each delivery that it contains: seen
-- ARGV  id (of the thread), expected ("anything", "nothing", or "idle": an idle, unchanged thread), changed (time of the
--       last change of an idle thread (ms)), version (its position and number of changes, "3:0"),
--       dead_letters (the state of the partition's dead letters, "" if it does not matter), user (of the chat),
--       last_event (the last stream event, as JSON), updated (of the archive: time of its last change (ms), "" without
--       an archive), seen (how long delivery ids are kept (ms)), workspace, and the lists fields (name, value), messages, ends,
--       entries, steps (name, record), replies (key, reply), unsent_keys, letters (id, when (ms), dead letter, payload),
--       files (id, StoredFile), chunks (name, piece), scores (in its lists), states (of its deliveries)
-- Returns {"done", 1 if there was such a thread, owner, messages, events, replies, steps, stream events} of what was
-- replaced; or, with nothing changed, {"exists"}, {"changed"} (it is no longer idle, or has another user),
-- {"buried"} (an event was dead-lettered meanwhile) or {"moved"} (it is, or would be, in another partition).
-- With clock
-- With list
-- With wake
local id, expected, changed, version, dead_letters, user, last_event, updated, seen, workspace = unpack(ARGV, 1, 10)
local fields, fields_end = list(11, 2)
local messages, messages_end = list(fields_end + 1, 1)
local ends, ends_end = list(messages_end + 1, 1)
local entries, entries_end = list(ends_end + 1, 1)
local steps, steps_end = list(entries_end + 1, 2)
local replies, replies_end = list(steps_end + 1, 2)
local unsent_keys, unsent_keys_end = list(replies_end + 1, 1)
local letters, letters_end = list(unsent_keys_end + 1, 4)
local files, files_end = list(letters_end + 1, 2)
local chunks, chunks_end = list(files_end + 1, 2)
local scores, scores_end = list(chunks_end + 1, 1)
local states, states_end = list(scores_end + 1, 1)
local thread, inbox, history, journal, outbox, unsent, stream_events = unpack(KEYS, 12, 18)
if redis.call('HEXISTS', KEYS[22], 'closed') == 1 and redis.call('EXISTS', thread, inbox, KEYS[24]) == 0 then
  return {'moved'}
end
local counted = redis.call('HMGET', KEYS[7], 'buried', 'failed replies', 'restored', 'fence')
if dead_letters ~= '' and dead_letters ~= (counted[1] or 0) .. ':' .. (counted[2] or 0) .. ':' .. (counted[3] or 0) then
  return {'buried'}
end
local held = redis.call('HMGET', thread, 'fence', 'sender', 'owner', 'sending', 'position', 'changes', 'user')
if (held[7] or '') ~= user then return {'changed'} end
local waiting = redis.call('LLEN', inbox)
local there = redis.call('ZSCORE', KEYS[8], id) or redis.call('EXISTS', thread, inbox, history, outbox) > 0
local was = {
  'done', there and 1 or 0, held[3] or '', redis.call('LLEN', history), waiting, redis.call('HLEN', outbox),
  redis.call('HLEN', journal), redis.call('XLEN', stream_events),
}
if expected == 'nothing' then
  if there then return {'exists'} end
elseif expected == 'idle' then
  local busy = waiting + redis.call('LLEN', unsent) > 0 or was[3] ~= '' or (held[4] or '') ~= ''
  local last_change = tonumber(redis.call('ZSCORE', KEYS[8], id) or -1)
  if busy or last_change ~= tonumber(changed) or (held[5] or 0) .. ':' .. (held[6] or 0) ~= version then
    return {'changed'}
  end
end

if expected ~= 'nothing' then
  -- Memory is freed in the background. A full server accepts this, too.
  local file_bytes = tonumber(redis.call('HGET', thread, 'file_bytes') or 0)
  if file_bytes > 0 then redis.call('HINCRBY', KEYS[27], workspace, -file_bytes) end
  redis.call('UNLINK', thread, inbox, history, journal, outbox, unsent, stream_events, unpack(KEYS, 23, 26))
  for _, list in ipairs({ 1, 3, 4, 6, 8, 19, 20, 21 }) do
    redis.call('ZREM', KEYS[list], id)
  end
  if waiting > 0 then redis.call('HINCRBY', KEYS[7], 'waiting', -waiting) end
  -- A later thread with the same id starts above every fence that was ever issued.
  local fence = math.max(held[1] or 0, held[2] or 0)
  if fence > tonumber(counted[4] or 0) then redis.call('HSET', KEYS[7], 'fence', fence) end
end
local now, wall = clock(KEYS[22])
if there then
  redis.call('PUBLISH', stream_events, wall + 1 .. '-0\ngone\n' .. last_event)
end
if updated == '' then return was end

-- In pieces: `unpack` is limited to a few thousand values.
local function add(command, key, first, last)
  for from = first, last, 1000 do
    redis.call(command, key, unpack(ARGV, from, math.min(from + 999, last)))
  end
end

add('HSET', thread, fields, fields_end)
redis.call('HSET', thread, 'imported', wall)
redis.call('ZADD', KEYS[8], updated, id)
add('RPUSH', history, messages, messages_end)
add('RPUSH', KEYS[23], ends, ends_end)
add('RPUSH', inbox, entries, entries_end)
add('HSET', journal, steps, steps_end)
add('HSET', outbox, replies, replies_end)
add('RPUSH', unsent, unsent_keys, unsent_keys_end)
add('HSET', KEYS[25], files, files_end)
add('HSET', KEYS[26], chunks, chunks_end)
local file_bytes = redis.call('HGET', thread, 'file_bytes')
if file_bytes then redis.call('HINCRBY', KEYS[27], workspace, file_bytes) end
for letter = letters, letters_end, 4 do
  redis.call('ZADD', KEYS[9], ARGV[letter + 1], ARGV[letter])
  redis.call('HSET', KEYS[10], ARGV[letter], ARGV[letter + 2])
  redis.call('HSET', KEYS[11], ARGV[letter], ARGV[letter + 3])
end
local key = 28
for score = scores, scores_end do
  redis.call('ZADD', KEYS[key], ARGV[score], id)
  key = key + 1
end
for state = states, states_end do
  redis.call('SET', KEYS[key], ARGV[state], 'PX', seen)
  key = key + 1
end
if letters <= letters_end then redis.call('HINCRBY', KEYS[7], 'restored', (letters_end - letters + 1) / 4) end
local restored, restored_replies = entries_end - entries + 1, unsent_keys_end - unsent_keys + 1
if restored > 0 then redis.call('HINCRBY', KEYS[7], 'waiting', restored) end
for queue, count in pairs({ [1] = restored, [4] = restored_replies }) do
  if count > 0 then
    redis.call('ZADD', KEYS[queue], now, id)
    wake(KEYS[queue + 1])
  end
end
return was
