#!lua flags=allow-oom
-- Move the events of a turn, at the head of a thread, to the dead letters; the thread goes on with the next.
--
-- KEYS  1 ready  2 ready wake  3 counters  4 dead letter times  5 dead letters  6 dead letter payloads
--       7 thread  8 inbox  9 journal  10 seen (of the last event)  11 stream events  12 clock  13 turn ends  14 history  15 due  16 due wake
--       17 outbox  18 unsent
-- ARGV  id (of the thread), fence, turn (the dead letter's id), payload (the entry to put back on a replay), letter,
--       seen (how long its delivery is kept as dead (ms), 0: not at all), handled (entries it takes from the inbox),
--       owner, ended (a TurnEnd), and the lists replaced (messages), messages, events (kind, JSON): its last stream events,
--       replies (key, reply): they remove what was streamed
-- Returns 1, or 0 when the lease is lost.
-- With clock
-- With finish
-- With list
-- With append_events
-- With put_replies
-- With wake
local id, fence, turn, payload, letter, seen, handled, owner, ended = unpack(ARGV, 1, 9)
local replaced, replaced_end = list(10, 1)
local messages, messages_end = list(replaced_end + 1, 1)
local events, events_end = list(messages_end + 1, 2)
local replies, replies_end = list(events_end + 1, 2)
local now, wall = clock(KEYS[12])
local held = redis.call('HMGET', KEYS[7], 'fence', 'committed', 'owner')
local once = table.concat({turn, fence, owner}, ':')
-- A repeated call, also if another worker has claimed the thread since.
if held[2] == once then return 1 end
if held[1] ~= fence or held[3] ~= owner then return 0 end
redis.call('LTRIM', KEYS[8], handled, -1)
redis.call('DEL', KEYS[9])
redis.call('ZADD', KEYS[4], wall, turn)
redis.call('HSET', KEYS[5], turn, letter)
redis.call('HSET', KEYS[6], turn, payload)
if seen ~= '0' then redis.call('SET', KEYS[10], 'dead ' .. id, 'PX', seen) end
redis.call('HINCRBY', KEYS[7], 'position', handled)
redis.call('HINCRBY', KEYS[7], 'buried', 1)
redis.call('HSET', KEYS[7], 'owner', '', 'attempts', 0, 'crashes', 0, 'taken', 0, 'committed', once, 'error', '')
redis.call('HINCRBY', KEYS[3], 'buried', 1)
redis.call('HINCRBY', KEYS[3], 'waiting', -handled)
finish(KEYS[13], KEYS[14], ended, replaced, replaced_end, messages, messages_end)
append_events(KEYS[11], events, events_end)
redis.call('HDEL', KEYS[7], 'streamed')
if put_replies(KEYS[15], KEYS[17], KEYS[18], id, now, replies, replies_end) > 0 then wake(KEYS[16]) end
if redis.call('LLEN', KEYS[8]) > 0 then
  redis.call('ZADD', KEYS[1], now, id)
  wake(KEYS[2])
else
  redis.call('ZREM', KEYS[1], id)
end
return 1
