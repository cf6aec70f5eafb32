#!lua flags=allow-oom
-- Claim threads: return their locks, events, history and journals. They were reserved by `reserve`, or are reserved here.
--
-- KEYS  1 ready  2 retrying  3 counters  4 ready wake  5 clock  6 versions  7 parked
--       then for each thread: thread, inbox, history, journal, stream events
-- ARGV  till (lease end, as `reserve` gave it; with `lease`, the name of this call), owner, window (events at most), most_messages (of the history),
--       suspect_crashes (that make a thread a suspect), room (suspects at most), wait (how long the others wait (ms)),
--       fatal (crashes after which it is dead-lettered, 0: never), version (of the owner's code), signals (the channel),
--       lease (ms: reserve those that are claimable; 0: they were reserved), and the list threads (their ids)
-- Returns for each thread {fence, position, attempt, crashes, agent, state, entries, history, journal,
-- waiting (events in total), wanted (the agent it is for), system, 1 if its stream events are to be written or 2 if the
-- stored ones end in the middle of a turn, 1 if its turn was cancelled, its streak, 1 if a bot loop is assumed, its attention,
-- the version that wrote its journal, the StreamedReply of an earlier attempt}, or nil
-- if the reservation has expired, nothing is left to do, a suspect has to wait, another thread must run alone, or the turn
-- is left to a worker with the version that began it. A repeated call returns the same claims.
-- With clock
-- With list
-- With wake
local till, owner, window, most_messages, suspect_crashes, room, wait, fatal, version, signals,
  lease = unpack(ARGV, 1, 11)
local threads, threads_end = list(12, 1)
local now, wall = clock(KEYS[5])
room, wait, fatal = tonumber(room), tonumber(wait), tonumber(fatal)
local candidates, claimed, pinned = {}, {}, {}
local alone, others

-- The first fence of a thread is above those of a purged thread with the same id.
local function following(fence)
  return (fence or redis.call('HGET', KEYS[3], 'fence') or 0) + 1
end

-- Whether a worker with this version runs, also one that finishes its turns.
local alive = {}
local function lives(other)
  if alive[other] == nil then
    alive[other] = false
    for _, member in ipairs(redis.call('ZRANGEBYSCORE', KEYS[6], '(' .. now, '+inf')) do
      if string.sub(member, 1, #other + 1) == other .. '\n' then alive[other] = true end
    end
  end
  return alive[other]
end

-- Whether a thread is reserved for this claim. Repeated, a call that reserves finds its own lease.
local function reserved(id, thread)
  local score = tonumber(redis.call('ZSCORE', KEYS[1], id))
  if not score then return false end
  if lease == '0' then return score == tonumber(till) end
  if score > now then
    local held = redis.call('HMGET', thread, 'owner', 'reserved')
    if held[1] ~= owner or held[2] ~= till then return false end
  end
  redis.call('ZADD', KEYS[1], now + lease, id)
  redis.call('ZREM', KEYS[2], id)
  return true
end

for i = threads, threads_end do
  local at = 8 + (i - threads) * 5
  local thread, inbox = KEYS[at], KEYS[at + 1]
  if reserved(ARGV[i], thread) then
    local meta = redis.call('HMGET', thread, 'fence', 'attempts', 'position', 'agent', 'state', 'crashes', 'owner',
      'wanted', 'system', 'platform', 'live', 'cancel', 'streak', 'loop', 'reserved', 'attention', 'version', 'streamed',
      'taken')
    -- A turn whose worker died is repeated with the same events, however many they were.
    local entries = redis.call('LRANGE', inbox, 0, math.max(window, meta[19] or 0) - 1)
    if #entries == 0 then
      redis.call('ZREM', KEYS[1], ARGV[i])
    else
      local crashes = tonumber(meta[6] or 0)
      -- The response to this call was lost, and it is repeated: it is the same claim.
      local again = meta[7] == owner and meta[15] == till
      -- The previous holder never released it: the worker died, or did not renew its lease.
      if meta[7] and meta[7] ~= '' and not again then crashes = crashes + 1 end
      -- Dead-lettering it is safe.
      local suspect = crashes >= tonumber(suspect_crashes) and not (fatal > 0 and crashes >= fatal)
      local other = meta[17]
      if other and other ~= '' and other ~= version and redis.call('EXISTS', KEYS[at + 3]) == 1 and lives(other) then
        -- Parked for workers with that version, which are notified. If none of them takes it, it is looked at again later.
        redis.call('ZADD', KEYS[1], now + wait, ARGV[i])
        redis.call('HSET', KEYS[7], ARGV[i], string.format('%.0f\n%.0f\nversion:%s', now + wait, now, other))
        pinned[other] = true
      else
        candidates[i] = {entries, meta, crashes, suspect, again}
        -- In its last allowed attempt it runs alone, so that nothing else can be the cause of a crash.
        if suspect and room > 0 and crashes == fatal - 1 then alone = alone or i end
      end
    end
  end
end

for i = threads, threads_end do
  local at = 8 + (i - threads) * 5
  local thread, inbox, history, journal = KEYS[at], KEYS[at + 1], KEYS[at + 2], KEYS[at + 3]
  local entries, meta, crashes, suspect, again = unpack(candidates[i] or {})
  if entries and alone and i ~= alone then
    redis.call('ZADD', KEYS[1], now, ARGV[i])
    others = true
    claimed[#claimed + 1] = false
  elseif entries and suspect and room == 0 then
    -- At increasing times, so that they do not all come back at once.
    redis.call('HSET', thread, 'fence', following(meta[1]), 'crashes', crashes, 'owner', '')
    redis.call('ZADD', KEYS[1], now + wait, ARGV[i])
    redis.call('ZADD', KEYS[2], now + wait, ARGV[i])
    wait = wait + 50
    claimed[#claimed + 1] = false
  elseif entries then
    if suspect then room = room - 1 end
    local live = (meta[10] == 'chat' or tonumber(meta[11] or 0) > wall) and 1 or 0
    local last = live == 1 and redis.call('XREVRANGE', KEYS[at + 4], '+', '-', 'COUNT', 1)[1]
    if last and last[2][2] ~= 'done' and last[2][2] ~= 'error' then live = 2 end
    local fence, attempt = following(meta[1]), (meta[2] or 0) + 1
    if again then fence, attempt = fence - 1, attempt - 1 end
    redis.call('HSET', thread, 'fence', fence, 'attempts', attempt, 'crashes', crashes, 'owner', owner,
      'claimed', wall, 'reserved', till, 'taken', #entries)
    local steps = redis.call('HGETALL', journal)
    if #steps > 0 then redis.call('HDEL', KEYS[7], ARGV[i]) end
    claimed[#claimed + 1] = {
      fence, tonumber(meta[3] or 0), attempt, crashes, meta[4] or '', meta[5] or '', entries,
      redis.call('LRANGE', history, -most_messages, -1), steps,
      redis.call('LLEN', inbox), meta[8] or '', meta[9] or '',
      live, meta[12] == (meta[3] or '0') and 1 or 0, tonumber(meta[13] or 0), meta[14] and 1 or 0,
      meta[16] or '', #steps > 0 and meta[17] or '', meta[18] or '',
    }
  else
    claimed[#claimed + 1] = false
  end
end
for other in pairs(pinned) do redis.call('PUBLISH', signals, 'parked\nversion:' .. other) end
if others then
  wake(KEYS[4])
end
return claimed
