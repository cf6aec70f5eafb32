-- Replace a thread with an archived thread, or with nothing; its holder's writes are rejected from then on.
--
-- KEYS  1 ready  2 ready wake  3 ready retrying  4 due  5 due wake  6 due retrying  7 counters  8 threads
--       9 dead  10 letters  11 graves  12 thread  13 inbox  14 history  15 journal  16 outbox  17 unsent
--       18 deltas  19-21 the lists of chats that it may stand in  22 clock  23 ends  24 amended  then the lists that the archive goes
--       into, and for each delivery that it knows: seen
-- ARGV  1 thread id  2 what may exist: "anything", "nothing", or "idle" (an idle, unchanged thread)
--       3 time of the last change of an idle thread (ms)  4 its position and number of changes, "3:0"
--       5 the partition's dead letter mark, "" if it does not matter  6 the chat's user
--       7 the last stream event, as JSON
--       then, for an archive: time of the last change (ms), how long delivery ids are kept (ms), and
--       ten lists, each preceded by its length: fields (name, value), messages, ends, entries, journal (name, record),
--       replies (key, reply), keys of the unsent, dead letters (id, when (ms), letter, grave), the scores in
--       its lists, the states of its deliveries
-- Returns {"done", 1 if there was such a thread, owner, messages, events, replies, steps, deltas} of what was
-- replaced; or, with nothing changed, {"exists"}, {"changed"} (it is no longer idle, or has another user) or
-- {"buried"} (an event was dead-lettered meanwhile).
-- With clock
local id, may = ARGV[1], ARGV[2]
local thread, inbox, history, journal = KEYS[12], KEYS[13], KEYS[14], KEYS[15]
local outbox, unsent, deltas = KEYS[16], KEYS[17], KEYS[18]
local counted = redis.call('HMGET', KEYS[7], 'buried', 'failed replies', 'restored', 'fence')
if ARGV[5] ~= '' and ARGV[5] ~= (counted[1] or 0) .. ':' .. (counted[2] or 0) .. ':' .. (counted[3] or 0) then
  return {'buried'}
end
local held = redis.call('HMGET', thread, 'fence', 'sender', 'owner', 'sending', 'position', 'changes', 'user')
if (held[7] or '') ~= ARGV[6] then return {'changed'} end
local waiting = redis.call('LLEN', inbox)
local there = redis.call('ZSCORE', KEYS[8], id) or redis.call('EXISTS', thread, inbox, history, outbox) > 0
local was = {
  'done', there and 1 or 0, held[3] or '', redis.call('LLEN', history), waiting, redis.call('HLEN', outbox),
  redis.call('HLEN', journal), redis.call('XLEN', deltas),
}
if may == 'nothing' then
  if there then return {'exists'} end
elseif may == 'idle' then
  local busy = waiting + redis.call('LLEN', unsent) > 0 or was[3] ~= '' or (held[4] or '') ~= ''
  local updated = tonumber(redis.call('ZSCORE', KEYS[8], id) or -1)
  if busy or updated ~= tonumber(ARGV[3]) or (held[5] or 0) .. ':' .. (held[6] or 0) ~= ARGV[4] then return {'changed'} end
end

if may ~= 'nothing' then
  -- Memory is freed in the background. A full server accepts this, too.
  redis.call('UNLINK', thread, inbox, history, journal, outbox, unsent, deltas, KEYS[23], KEYS[24])
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
  redis.call('PUBLISH', deltas, wall + 1 .. '-0\ngone\n' .. ARGV[7])
end
if not ARGV[8] then return was end
local at = 10

-- The next list of `width` words an item, in pieces: `unpack` has a limit of some thousands.
local function list(width, put)
  local last = at + width * ARGV[at]
  for first = at + 1, last, 1000 do
    put(first, math.min(first + 999, last))
  end
  local items = tonumber(ARGV[at])
  at = last + 1
  return items
end
local function append(command, key)
  return function(first, last) redis.call(command, key, unpack(ARGV, first, last)) end
end

list(2, append('HSET', thread))
redis.call('HSET', thread, 'imported', wall)
redis.call('ZADD', KEYS[8], ARGV[8], id)
list(1, append('RPUSH', history))
list(1, append('RPUSH', KEYS[23]))
local entries = list(1, append('RPUSH', inbox))
list(2, append('HSET', journal))
list(2, append('HSET', outbox))
local replies = list(1, append('RPUSH', unsent))
local letters = list(4, function(first, last)
  for letter = first, last, 4 do
    redis.call('ZADD', KEYS[9], ARGV[letter + 1], ARGV[letter])
    redis.call('HSET', KEYS[10], ARGV[letter], ARGV[letter + 2])
    redis.call('HSET', KEYS[11], ARGV[letter], ARGV[letter + 3])
  end
end)
local key = 25
list(1, function(first, last)
  for score = first, last do
    redis.call('ZADD', KEYS[key], ARGV[score], id)
    key = key + 1
  end
end)
list(1, function(first, last)
  for state = first, last do
    redis.call('SET', KEYS[key], ARGV[state], 'PX', ARGV[9])
    key = key + 1
  end
end)
if letters > 0 then redis.call('HINCRBY', KEYS[7], 'restored', letters) end
if entries > 0 then redis.call('HINCRBY', KEYS[7], 'waiting', entries) end
for queue, count in pairs({ [1] = entries, [4] = replies }) do
  if count > 0 then
    redis.call('ZADD', KEYS[queue], now, id)
    redis.call('RPUSH', KEYS[queue + 1], '')
    redis.call('LTRIM', KEYS[queue + 1], -64, -1)
  end
end
return was
