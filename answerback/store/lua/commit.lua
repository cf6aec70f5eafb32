#!lua flags=allow-oom
-- Commit turns, each whole or not at all: history, inbox, outbox, journal and lock change together.
--
-- KEYS  1 ready  2 ready wake  3 due  4 due wake  5 counters  6 threads  7 clock
--       then for each turn: thread, inbox, history, journal, outbox, unsent, deltas, ends
-- ARGV  1 lease (ms)  2 events at most
--       then for each turn: thread id, fence, owner, position, turn id, events handled, below which
--       streak to go on with what waits (0: not at all), agent, state or "", loop (how many turns more count
--       towards one of programs; "open" if nobody was answered because of one; ""), how it ended (a TurnEnd), k, k messages
--       that are replaced, n, n messages, m, m times (reply key, reply),
--       l, l times (kind, JSON): its last stream events
-- Returns for each turn the next entries, under the same lease; an empty list if the thread was
-- released; nil if the lease is lost and nothing was changed.
-- With clock
-- With finish
-- With append_events
local now, wall = clock(KEYS[7])
local results = {}
local handled, ready, due = 0, 0, 0
local key, arg = 8, 3

while arg <= #ARGV do
  local thread, inbox, history = KEYS[key], KEYS[key + 1], KEYS[key + 2]
  local journal, outbox, unsent, deltas = KEYS[key + 3], KEYS[key + 4], KEYS[key + 5], KEYS[key + 6]
  local id, fence, owner, position, turn = unpack(ARGV, arg, arg + 4)
  local count, most = tonumber(ARGV[arg + 5]), tonumber(ARGV[arg + 6])
  local agent, state, loop = ARGV[arg + 7], ARGV[arg + 8], ARGV[arg + 9]
  local ended, old = ARGV[arg + 10], arg + 12
  local messages = old + ARGV[arg + 11] + 1
  local replies = messages + ARGV[messages - 1] + 1
  local told = replies + 2 * ARGV[replies - 1] + 1
  local past = told + 2 * ARGV[told - 1]
  local ends = KEYS[key + 7]
  key, arg = key + 8, past

  local held = redis.call('HMGET', thread, 'fence', 'committed', 'owner', 'taken', 'position', 'streak')
  local once = table.concat({turn, fence, owner}, ':')
  if held[1] ~= fence then
    results[#results + 1] = false
  elseif held[2] == once then
    -- A repeated call, since the first response was lost: return the next entries again.
    results[#results + 1] = held[3] == owner and redis.call('LRANGE', inbox, 0, held[4] - 1) or {}
  elseif held[3] ~= owner or (held[5] or '0') ~= position then
    -- A delayed call: the thread was released meanwhile, or a later turn was committed.
    results[#results + 1] = false
  else
    redis.call('LTRIM', inbox, count, -1)
    redis.call('DEL', journal)
    finish(ends, history, ended, old, messages, replies - 2)
    for reply = replies, told - 2, 2 do
      if redis.call('HSETNX', outbox, ARGV[reply], ARGV[reply + 1]) == 1 then
        redis.call('RPUSH', unsent, ARGV[reply])
        due = due + redis.call('ZADD', KEYS[3], 'NX', now, id)
      end
    end
    redis.call('ZADD', KEYS[6], wall, id)
    if state ~= '' then redis.call('HSET', thread, 'state', state) end
    if tonumber(loop) then redis.call('HINCRBY', thread, 'streak', loop) end
    if loop == 'open' and redis.call('HSETNX', thread, 'loop', wall) == 1 then
      redis.call('HINCRBY', KEYS[5], 'loops', 1)
    end
    position = (held[5] or 0) + count
    handled = handled + count
    local entries = redis.call('LRANGE', inbox, 0, ARGV[2] - 1)
    -- The next claim of the thread sees what was counted meanwhile.
    if #entries > 0 and tonumber(held[6] or 0) < most then
      redis.call('ZADD', KEYS[1], now + ARGV[1], id)
      redis.call('HSET', thread, 'committed', once, 'position', position, 'agent', agent, 'attempts', 1,
        'crashes', 0, 'taken', #entries, 'error', '')
    else
      redis.call('HSET', thread, 'committed', once, 'position', position, 'agent', agent, 'attempts', 0,
        'crashes', 0, 'taken', 0, 'error', '', 'owner', '')
      if #entries > 0 then
        redis.call('ZADD', KEYS[1], now, id)
        ready = ready + 1
        entries = {}
      else
        redis.call('ZREM', KEYS[1], id)
      end
    end
    append_events(deltas, told, past - 1)
    results[#results + 1] = entries
  end
end

if handled > 0 then
  redis.call('HINCRBY', KEYS[5], 'handled', handled)
  redis.call('HINCRBY', KEYS[5], 'waiting', -handled)
end
for wake, woken in pairs({ [KEYS[2]] = ready, [KEYS[4]] = due }) do
  if woken > 0 then
    redis.call('RPUSH', wake, '')
    redis.call('LTRIM', wake, -64, -1)
  end
end
return results
