#!lua flags=allow-oom
-- Release a thread without having handled its events: for a later attempt, unchanged ("handed back"), or interrupted,
-- to start again with the events that have arrived meanwhile.
--
-- KEYS  1 ready  2 ready wake  3 retrying  4 counters  5 thread  6 journal  7 inbox  8 history  9 stream events  10 clock
--       11 turn ends  12 parked  13 paused  14 due  15 due wake  16 outbox  17 unsent
-- ARGV  id (of the thread), fence, delay (ms), how: "failed" (the attempt counts), "handed back", "interrupted" or
--       "started over" (the journal is discarded), error (one line, "" if none), owner, ended (a TurnEnd, "" if it did not
--       end), signals (the channel), pause ("agent:<agent>" if it waits until that is resumed, ""), and the lists
--       replaced (messages), messages, events (kind, JSON): stream events, replies (key, reply): of an interrupted turn, all
--       of what was streamed
-- Returns 1, or 0 if the lease is lost.
-- With clock
-- With finish
-- With list
-- With append_events
-- With put_replies
-- With wake
local id, fence, delay, how, error, owner, ended, signals, pause = unpack(ARGV, 1, 9)
local replaced, replaced_end = list(10, 1)
local messages, messages_end = list(replaced_end + 1, 1)
local events, events_end = list(messages_end + 1, 2)
local replies, replies_end = list(events_end + 1, 2)
local now = clock(KEYS[10])
local held = redis.call('HMGET', KEYS[5], 'fence', 'owner')
if held[1] ~= fence then return 0 end
if held[2] == '' then return 1 end
if held[2] ~= owner then return 0 end
redis.call('HSET', KEYS[5], 'owner', '', 'error', error)
finish(KEYS[11], KEYS[8], ended, replaced, replaced_end, messages, messages_end)
local parked
if how == 'interrupted' then
  -- The turn's state is discarded; its messages and replies stay.
  redis.call('DEL', KEYS[6])
  redis.call('HSET', KEYS[5], 'taken', redis.call('LLEN', KEYS[7]))
  redis.call('HDEL', KEYS[5], 'streamed')
  if put_replies(KEYS[14], KEYS[16], KEYS[17], id, now, replies, replies_end) > 0 then wake(KEYS[15]) end
elseif how == 'started over' then
  redis.call('DEL', KEYS[6])
elseif redis.call('EXISTS', KEYS[6]) == 1 then
  -- Its next attempt is for the version of the code that began it: see `claim`.
  parked = redis.call('HGET', KEYS[5], 'version')
elseif redis.call('EXISTS', KEYS[9]) == 0 then
  -- Nothing was journaled yet, so waiting events may still be amended.
  redis.call('HSET', KEYS[5], 'taken', 0)
end
redis.call('ZADD', KEYS[1], now + delay, id)
if pause ~= '' then
  redis.call('HSET', KEYS[13], id, string.format('%.0f\n%.0f\n%s', now + delay, now, pause))
elseif parked and parked ~= '' then
  redis.call('HSET', KEYS[12], id, string.format('%.0f\n%.0f\nversion:%s', now + delay, now + delay, parked))
  redis.call('PUBLISH', signals, 'parked\nversion:' .. parked)
end
if how == 'failed' then
  redis.call('ZADD', KEYS[3], now + delay, id)
  redis.call('HINCRBY', KEYS[4], 'failed', 1)
else
  redis.call('HINCRBY', KEYS[5], 'attempts', -1)
end
-- Idle workers must learn of the new time, even if it is in the future.
wake(KEYS[2])
append_events(KEYS[9], events, events_end)
return 1
