-- Store events, each once. One call takes many events of one partition.
--
-- KEYS  1 ready  2 ready wake  3 own identities  4 counters  5 threads  6 dead letter times  7 dead letters
--       8 dead letter payloads  9 clock  10 unused files
--       then for each event: seen, seen under its former delivery id or its gesture (or the same again), thread, inbox, amendments; and
--       if it has a condition, the two lists its chat is in
-- ARGV  remember (how long a delivery id is kept (ms)), signals (the channel)
--       then for each event: entry, opening (of a new chat, as msgpack: a digest of its parameters, the offset of its
--       score from now (ms), and its fields: name, value, …), edit (an Amendment that the entry already contains, ""),
--       details (a `Details`, as msgpack: far fewer words for client and server)
-- Returns for each event: "accepted", "revived" (it was a dead letter), "duplicate", "moved" (its thread is, or would be,
-- in another partition),
-- "own" (one of its identities is ours: a reply of ours must never become an event), or, if its
-- condition is not met, "missing", "ended", "busy" or "different" (its chat was opened with other parameters). Nothing is stored in these cases. "amended" is followed by a
-- line break and the amendment that arrived before the event ("deleted", or the edit): nothing is stored. "revived" and
-- "duplicate" are followed by the dispatch id and the thread under which the event was first stored, each after a line break.
-- With clock
-- With wake
local remember, signals = unpack(ARGV, 1, 2)
local now, wall = clock(KEYS[9])
local identified = redis.call('SCARD', KEYS[3]) > 0
local closed = redis.call('HEXISTS', KEYS[9], 'closed') == 1
local accepted, revived, woken = 0, 0, nil
-- Of the event in question.
local entry, opening, edit
local id, thread_id, identities, platform, channel, title, url, arrival, condition
local former_id, gesture, quiet, program, message, files
local seen, former_seen, thread, inbox, amendments

-- Return whether the event is our own message.
local function is_ours()
  if identified then
    for identity in string.gmatch(identities, '[^\n]+') do
      if redis.call('SISMEMBER', KEYS[3], identity) == 1 then return true end
    end
  end
  return false
end

-- Open the chat, which is in these lists, unless it exists. Return why that is impossible.
local function open_chat(lists)
  local digest = redis.call('HGET', thread, 'opened')
  local parameters = cmsgpack.unpack(opening)
  if digest then return digest ~= parameters[1] and 'different' or nil end
  redis.call('HSET', thread, 'opened', parameters[1], 'status', 'open', 'created', wall, 'updated', wall,
    unpack(parameters, 3))
  redis.call('ZADD', KEYS[lists], wall + parameters[2], thread_id)
  redis.call('ZADD', KEYS[lists + 1], wall + parameters[2], thread_id)
  return nil
end

-- Return why the condition is not met.
local function refusal(lists)
  if condition == '' then return nil end
  if condition == 'new' then return open_chat(lists) end
  local status = redis.call('HGET', thread, 'status')
  if not status then return 'missing' end
  if status ~= 'open' then return status end
  if condition == 'idle' and (redis.call('EXISTS', inbox) == 1 or redis.call('ZSCORE', KEYS[1], thread_id)) then
    return 'busy'
  end
  return nil
end

-- Count reactions that come soon after a reply of ours, one per reply: a program reacts to each, without a pause.
local function count_reaction(replied, unreacted, stirred)
  if now - math.max(replied, stirred or 0) >= quiet then
    redis.call('HDEL', thread, 'streak', 'loop')
    unreacted = 0
  elseif unreacted > 0 then
    unreacted = unreacted - 1
    if program then redis.call('HINCRBY', thread, 'streak', 1) end
  end
  redis.call('HSET', thread, 'unreacted', unreacted, 'stirred', now)
end

local function store(stored, seen_key)
  -- A full server rejects this first write, and with it the whole script: nothing is stored partially.
  redis.call('SET', seen_key, 'stored ' .. thread_id, 'PX', remember)
  -- Another event of the same gesture is a duplicate of this one.
  if gesture then redis.call('SET', former_seen, 'stored ' .. thread_id .. '\n' .. id, 'PX', remember) end
  redis.call('RPUSH', inbox, stored)
  -- From now on, they are kept as long as the thread.
  for file in string.gmatch(files, '[^\n]+') do
    redis.call('ZREM', KEYS[10], thread_id .. ' ' .. file)
  end
  local held = redis.call('HMGET', thread, 'created', 'owner', 'fence', 'interruptible', 'said', 'unreacted', 'stirred')
  if not held[1] then
    redis.call('HSET', thread, 'created', wall, 'platform', platform, 'channel', channel, 'title', title, 'url', url)
  end
  if held[5] and quiet >= 0 then count_reaction(held[5], tonumber(held[6] or 0), held[7]) end
  redis.call('ZADD', KEYS[5], wall, thread_id)
  -- A member of `ready` is waiting, claimed or due for another attempt. In each case its turn
  -- will find this entry in the inbox, so its score must not be changed.
  if redis.call('ZADD', KEYS[1], 'NX', now, thread_id) == 1 then
    woken = woken or thread_id
  elseif held[2] and held[2] ~= '' and (arrival == 'interrupt' or held[3] == held[4]) then
    local signal = arrival == 'interrupt' and 'interrupt now' or 'interrupt'
    redis.call('PUBLISH', signals, signal .. '\n' .. thread_id)
  end
end

local function move_to_front(lists)
  redis.call('HSET', thread, 'updated', wall)
  -- An unlisted chat is in neither.
  redis.call('ZADD', KEYS[lists], 'XX', wall, thread_id)
  redis.call('ZADD', KEYS[lists + 1], 'XX', wall, thread_id)
end

-- Return a stored event's state, the dispatch id and thread under which it was stored, and the key that records it.
local function recorded()
  local seen_id, seen_key, value = id, seen, redis.call('GET', seen)
  if not value and former_seen ~= seen then
    seen_id, seen_key, value = former_id, former_seen, redis.call('GET', former_seen)
  end
  if not value then return nil end
  -- Older versions did not record the thread.
  local state, origin, first_id = string.match(value, '^(%S+) ?([^\n]*)\n?(.*)$')
  if first_id ~= '' then seen_id = first_id end
  return state, seen_id, origin ~= '' and origin or thread_id, seen_key
end

local results = {}
local key = 11
for arg = 3, #ARGV, 4 do
  local details
  entry, opening, edit, details = unpack(ARGV, arg, arg + 3)
  id, thread_id, identities, platform, channel, title, url, arrival, condition,
    former_id, gesture, quiet, program, message, files = unpack(cmsgpack.unpack(details))
  seen, former_seen, thread, inbox, amendments = unpack(KEYS, key, key + 4)
  key = key + 5
  local moved = closed and redis.call('EXISTS', thread, inbox, amendments) == 0
  local state, seen_id, origin, seen_key = recorded()
  local refused = moved and 'moved' or state ~= 'stored' and refusal(key)
  if refused then
    results[#results + 1] = refused
  elseif state == 'dead' and origin == thread_id
    -- A message deleted since stays a dead letter, for an operator to decide on.
    and redis.call('HGET', amendments, message) ~= 'deleted' then
    store(redis.call('HGET', KEYS[8], seen_id) or entry, seen_key)
    redis.call('ZREM', KEYS[6], seen_id)
    redis.call('HDEL', KEYS[7], seen_id)
    redis.call('HDEL', KEYS[8], seen_id)
    revived = revived + 1
    results[#results + 1] = table.concat({'revived', seen_id, origin}, '\n')
  elseif state then
    results[#results + 1] = table.concat({'duplicate', seen_id, origin}, '\n')
  elseif is_ours() then
    results[#results + 1] = 'own'
  else
    local amendment = redis.call('HGET', amendments, message) or ''
    if amendment ~= edit then
      results[#results + 1] = 'amended\n' .. amendment
    else
      store(entry, seen)
      accepted = accepted + 1
      results[#results + 1] = 'accepted'
    end
  end
  if condition ~= '' then
    if not refused and state ~= 'stored' and condition ~= 'new' then move_to_front(key) end
    key = key + 2
  end
end
if accepted + revived > 0 then
  redis.call('HINCRBY', KEYS[4], 'accepted', accepted)
  redis.call('HINCRBY', KEYS[4], 'waiting', accepted + revived)
end
if woken then
  -- One token wakes one worker, which passes it on while there is more work.
  wake(KEYS[2], woken)
end
return results
