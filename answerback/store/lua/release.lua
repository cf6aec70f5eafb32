#!lua flags=allow-oom
-- Release a thread without having handled its events: for a later attempt, unchanged ("handed back"), or interrupted,
-- to start again with the events that have arrived meanwhile.
--
-- KEYS  1 ready  2 ready wake  3 retrying  4 counters  5 thread  6 journal  7 inbox  8 history  9 deltas  10 clock
--       11 ends
-- ARGV  1 thread id  2 fence  3 delay (ms)  4 "failed" (the attempt counts), "handed back" or "interrupted"
--       5 the error in one line, "" if none  6 owner  7 how the turn ended (a TurnEnd), "" if it did not
--       then k, k messages that are replaced, n, n messages, then pairs of (kind, JSON): deltas
-- Returns 1, or 0 if the lease is lost.
-- With clock
-- With finish
-- With append_events
local now = clock(KEYS[10])
local held = redis.call('HMGET', KEYS[5], 'fence', 'owner')
if held[1] ~= ARGV[2] then return 0 end
if held[2] == '' then return 1 end
if held[2] ~= ARGV[6] then return 0 end
redis.call('HSET', KEYS[5], 'owner', '', 'error', ARGV[5])
local messages = 10 + ARGV[8]
local told = messages + ARGV[messages - 1]
finish(KEYS[11], KEYS[8], ARGV[7], 9, messages, told - 1)
if ARGV[4] == 'interrupted' then
  -- The turn's state is discarded; its messages and replies stay.
  redis.call('DEL', KEYS[6])
  redis.call('HSET', KEYS[5], 'taken', redis.call('LLEN', KEYS[7]))
elseif redis.call('EXISTS', KEYS[6], KEYS[9]) == 0 then
  -- Nothing was journaled yet, so waiting events may still be amended.
  redis.call('HSET', KEYS[5], 'taken', 0)
end
redis.call('ZADD', KEYS[1], now + ARGV[3], ARGV[1])
if ARGV[4] == 'failed' then
  redis.call('ZADD', KEYS[3], now + ARGV[3], ARGV[1])
  redis.call('HINCRBY', KEYS[4], 'failed', 1)
else
  redis.call('HINCRBY', KEYS[5], 'attempts', -1)
end
-- Idle workers must learn of the new time, even if it is in the future.
redis.call('RPUSH', KEYS[2], '')
redis.call('LTRIM', KEYS[2], -64, -1)
append_events(KEYS[9], told, #ARGV)
return 1
