-- Store events, each once. One call takes many events of one partition.
--
-- KEYS  1 ready  2 ready wake  3 marks  4 counters  5 threads  6 dead  7 letters  8 graves  9 clock
--       then for each event: seen, seen under its former delivery id (or the same again), thread, inbox, amended; and if
--       it has a condition, the two lists its chat is in
-- ARGV  1 how long a delivery id is kept (ms)  2 the channel of signals
--       then for each event: dispatch id, thread id, entry, identities (one per line),
--       platform, channel, title, url, arrival ("interrupt" stops a running turn; "" leaves it to its agent),
--       condition: "" (none), "open" (its chat must exist and not have ended) or "idle" (also, no event may be
--       running or waiting in it), dispatch id of its former delivery id, how long a thread must be quiet for a bot loop
--       to end (ms; "" if there can be none), "1" if its author may be a program, its message id, the edit
--       (an Amendment) that the entry already contains, ""
-- Returns for each event: "accepted", "revived" (it was a dead letter), "duplicate",
-- "own" (one of its identities is ours: a reply of ours must never become an event), or, if its
-- condition is not met, "missing", "ended" or "busy". Nothing is stored in these cases. "amended" is followed by a
-- line break and the amendment that arrived before the event ("deleted", or the edit): nothing is stored. "revived" and
-- "duplicate" are followed by the dispatch id and the thread under which the event was first stored, each after a line break.
-- With clock
local now, wall = clock(KEYS[9])
local remember = ARGV[1]
local marked = redis.call('SCARD', KEYS[3]) > 0
local accepted, revived, woken = 0, 0, 0

local function ours(identities)
  if marked then
    for identity in string.gmatch(identities, '[^\n]+') do
      if redis.call('SISMEMBER', KEYS[3], identity) == 1 then return true end
    end
  end
  return false
end

local function refusal(event, thread, inbox)
  local condition = ARGV[event + 9]
  if condition == '' then return nil end
  local status = redis.call('HGET', thread, 'status')
  if not status then return 'missing' end
  if status ~= 'open' then return status end
  if condition == 'idle' and (redis.call('EXISTS', inbox) == 1 or redis.call('ZSCORE', KEYS[1], ARGV[event + 1])) then
    return 'busy'
  end
  return nil
end

-- Count reactions that come soon after a reply of ours, one per reply: a program reacts to each, without a pause.
local function stir(event, thread, replied, unreacted, stirred)
  if now - math.max(replied, stirred or 0) >= tonumber(ARGV[event + 11]) then
    redis.call('HDEL', thread, 'streak', 'loop')
    unreacted = 0
  elseif unreacted > 0 then
    unreacted = unreacted - 1
    if ARGV[event + 12] == '1' then redis.call('HINCRBY', thread, 'streak', 1) end
  end
  redis.call('HSET', thread, 'unreacted', unreacted, 'stirred', now)
end

local function store(event, entry, seen, thread, inbox)
  -- A full server rejects this first write, and with it the whole script: nothing is stored partially.
  redis.call('SET', seen, 'stored ' .. ARGV[event + 1], 'PX', remember)
  redis.call('RPUSH', inbox, entry)
  local held = redis.call('HMGET', thread, 'created', 'owner', 'fence', 'interruptible', 'said', 'unreacted', 'stirred')
  if not held[1] then
    redis.call('HSET', thread, 'created', wall, 'platform', ARGV[event + 4], 'channel', ARGV[event + 5],
      'title', ARGV[event + 6], 'url', ARGV[event + 7])
  end
  if held[5] and ARGV[event + 11] ~= '' then stir(event, thread, held[5], tonumber(held[6] or 0), held[7]) end
  redis.call('ZADD', KEYS[5], wall, ARGV[event + 1])
  -- A member of `ready` is waiting, claimed or due for another attempt. In each case its turn
  -- will find this entry in the inbox, so its score must not be changed.
  if redis.call('ZADD', KEYS[1], 'NX', now, ARGV[event + 1]) == 1 then
    woken = woken + 1
  elseif held[2] and held[2] ~= '' and (ARGV[event + 8] == 'interrupt' or held[3] == held[4]) then
    local word = ARGV[event + 8] == 'interrupt' and 'interrupt now' or 'interrupt'
    redis.call('PUBLISH', ARGV[2], word .. '\n' .. ARGV[event + 1])
  end
end

local function said(thread, lists, id)
  redis.call('HSET', thread, 'updated', wall)
  -- An unlisted chat is in neither.
  redis.call('ZADD', KEYS[lists], 'XX', wall, id)
  redis.call('ZADD', KEYS[lists + 1], 'XX', wall, id)
end

-- Return a stored event's state, the dispatch id and thread under which it was stored, and the key that records it.
local function known(event, seen, former)
  local id, value = ARGV[event], redis.call('GET', seen)
  if not value and former ~= seen then
    id, seen, value = ARGV[event + 10], former, redis.call('GET', former)
  end
  if not value then return nil end
  -- Older versions did not record the thread.
  local state, origin = string.match(value, '^(%S+) ?(.*)$')
  return state, id, origin ~= '' and origin or ARGV[event + 1], seen
end

local results = {}
local key = 10
for event = 3, #ARGV, 15 do
  local seen, thread, inbox = KEYS[key], KEYS[key + 2], KEYS[key + 3]
  local state, id, origin, mark = known(event, seen, KEYS[key + 1])
  local refused = state ~= 'stored' and refusal(event, thread, inbox)
  if refused then
    results[#results + 1] = refused
  elseif state == 'dead' and origin == ARGV[event + 1]
    -- A message deleted since stays a dead letter, for an operator to decide on.
    and redis.call('HGET', KEYS[key + 4], ARGV[event + 13]) ~= 'deleted' then
    local grave = redis.call('HGET', KEYS[8], id)
    store(event, grave or ARGV[event + 2], mark, thread, inbox)
    redis.call('ZREM', KEYS[6], id)
    redis.call('HDEL', KEYS[7], id)
    redis.call('HDEL', KEYS[8], id)
    revived = revived + 1
    results[#results + 1] = table.concat({'revived', id, origin}, '\n')
  elseif state then
    results[#results + 1] = table.concat({'duplicate', id, origin}, '\n')
  elseif ours(ARGV[event + 3]) then
    results[#results + 1] = 'own'
  elseif (redis.call('HGET', KEYS[key + 4], ARGV[event + 13]) or '') ~= ARGV[event + 14] then
    results[#results + 1] = 'amended\n' .. (redis.call('HGET', KEYS[key + 4], ARGV[event + 13]) or '')
  else
    store(event, ARGV[event + 2], seen, thread, inbox)
    accepted = accepted + 1
    results[#results + 1] = 'accepted'
  end
  key = key + 5
  if ARGV[event + 9] ~= '' then
    if not refused and state ~= 'stored' then said(thread, key, ARGV[event + 1]) end
    key = key + 2
  end
end
if accepted + revived > 0 then
  redis.call('HINCRBY', KEYS[4], 'accepted', accepted)
  redis.call('HINCRBY', KEYS[4], 'waiting', accepted + revived)
end
if woken > 0 then
  -- One token wakes one worker, which passes it on while there is more work. The list is kept
  -- short: `ready` is authoritative, and a token is only a hint to look at it.
  redis.call('RPUSH', KEYS[2], '')
  redis.call('LTRIM', KEYS[2], -64, -1)
end
return results
