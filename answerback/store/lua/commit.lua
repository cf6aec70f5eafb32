#!lua flags=allow-oom
-- Commit turns, each whole or not at all: history, inbox, outbox, journal and lock change together.
--
-- KEYS  1 ready  2 ready wake  3 due  4 due wake  5 counters  6 threads  7 clock
--       then for each turn: thread, inbox, history, journal, outbox, unsent, stream events, turn ends
-- ARGV  lease (ms), window (events at most)
--       then for each turn: id (of the thread), fence, owner, position, turn, handled (number of events), patience (below
--       which streak to go on with what waits; 0: not at all), agent, state or "", loop (how many turns more count
--       towards one of programs; "open" if no one was answered because of one; ""), attention (of the thread, "" if it
--       did not change), ended (a TurnEnd), sends ("1" if the worker is ready to send the first reply at once), and the lists
--       replaced (messages), messages, replies (key, reply), events (kind, JSON): its last stream events
-- Returns for each turn the next entries, under the same lease; an empty list if the thread was
-- released; nil if the lease is lost and nothing was changed. Before them comes the fence of the outbox, if it is handed
-- over to the worker, as `claim_outbox` does it: no other one held it, and the first reply is the next to be sent. A repeated
-- call hands nothing over, since another worker may send by then: that reply waits for a lease.
-- With clock
-- With finish
-- With list
-- With append_events
-- With hold_outbox
-- With put_replies
-- With wake
local lease, window = unpack(ARGV, 1, 2)
local now, wall = clock(KEYS[7])
-- Threads of a closed partition are released after their turn, to be moved.
local closed = redis.call('HEXISTS', KEYS[7], 'closed') == 1
local results = {}
local all_handled, ready, due = 0, 0, 0
local key, arg = 8, 3

while arg <= #ARGV do
  local thread, inbox, history, journal, outbox, unsent, stream_events, turn_ends = unpack(KEYS, key, key + 7)
  local id, fence, owner, position, turn, handled, patience, agent, state, loop, attention,
    ended, sends = unpack(ARGV, arg, arg + 12)
  local replaced, replaced_end = list(arg + 13, 1)
  local messages, messages_end = list(replaced_end + 1, 1)
  local replies, replies_end = list(messages_end + 1, 2)
  local events, events_end = list(replies_end + 1, 2)
  key, arg = key + 8, events_end + 1

  local held = redis.call('HMGET', thread, 'fence', 'committed', 'owner', 'taken', 'position', 'streak', 'streamed')
  local once = table.concat({turn, fence, owner}, ':')
  if held[2] == once then
    -- A repeated call, since the first response was lost: return the next entries again. There are none if the thread
    -- was released, also if another worker has claimed it since.
    local ours = held[1] == fence and held[3] == owner
    results[#results + 1] = ours and redis.call('LRANGE', inbox, 0, held[4] - 1) or {}
  elseif held[1] ~= fence or held[3] ~= owner or (held[5] or '0') ~= position then
    -- A delayed call: the thread was released meanwhile, or a later turn was committed.
    results[#results + 1] = false
  else
    redis.call('LTRIM', inbox, handled, -1)
    redis.call('DEL', journal)
    finish(turn_ends, history, ended, replaced, replaced_end, messages, messages_end)
    local sender
    if put_replies(KEYS[3], outbox, unsent, id, now, replies, replies_end) == 1 then
      if sends == '1' and not closed and redis.call('LINDEX', unsent, 0) == ARGV[replies] then
        redis.call('ZADD', KEYS[3], now + lease, id)
        sender = hold_outbox(thread, KEYS[5], owner)
      else
        due = due + 1
      end
    end
    if held[7] then redis.call('HDEL', thread, 'streamed') end
    redis.call('ZADD', KEYS[6], wall, id)
    if state ~= '' then redis.call('HSET', thread, 'state', state) end
    if attention ~= '' then redis.call('HSET', thread, 'attention', attention) end
    if tonumber(loop) then redis.call('HINCRBY', thread, 'streak', loop) end
    if loop == 'open' and redis.call('HSETNX', thread, 'loop', wall) == 1 then
      redis.call('HINCRBY', KEYS[5], 'loops', 1)
    end
    position = (held[5] or 0) + handled
    all_handled = all_handled + handled
    local entries = redis.call('LRANGE', inbox, 0, window - 1)
    -- The next claim of the thread sees what was counted meanwhile.
    if #entries > 0 and not closed and tonumber(held[6] or 0) < tonumber(patience) then
      redis.call('ZADD', KEYS[1], now + lease, id)
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
    append_events(stream_events, events, events_end)
    if sender then table.insert(entries, 1, sender) end
    results[#results + 1] = entries
  end
end

if all_handled > 0 then
  redis.call('HINCRBY', KEYS[5], 'handled', all_handled)
  redis.call('HINCRBY', KEYS[5], 'waiting', -all_handled)
end
for tokens, woken in pairs({ [KEYS[2]] = ready, [KEYS[4]] = due }) do
  if woken > 0 then
    wake(tokens)
  end
end
return results
