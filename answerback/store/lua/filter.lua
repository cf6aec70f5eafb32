-- Return which of some threads match a filter. Changes nothing.
--
-- KEYS  1 ready  2 clock  then each thread's hash
-- ARGV  1 platform  2 agent  3 state ("idle", "waiting", "running" or "retrying"; these three are "" for any)
--       4 archived  5 pinned ("yes", "no" or "" for either)  then each thread's id
-- Returns for each match {its number among the threads, from 1, title, channel, user}.
-- With clock
local now = clock(KEYS[2])

local function state_of(id, owner, attempts)
  local score = redis.call('ZSCORE', KEYS[1], id)
  if not score then return 'idle' end
  if tonumber(score) <= now then return 'waiting' end
  if owner and owner ~= '' then return 'running' end
  return tonumber(attempts or 0) > 0 and 'retrying' or 'waiting'
end

local function is(flag, wanted)
  return wanted == '' or (wanted == 'yes') == (flag and flag ~= '' or false)
end

local found = {}
for i = 3, #KEYS do
  local fields = redis.call('HMGET', KEYS[i], 'platform', 'wanted', 'agent', 'owner', 'attempts', 'archived', 'pinned',
    'title', 'channel', 'user')
  local agent = fields[2] and fields[2] ~= '' and fields[2] or fields[3] or ''
  if (ARGV[1] == '' or fields[1] == ARGV[1]) and (ARGV[2] == '' or agent == ARGV[2])
    and is(fields[6], ARGV[4]) and is(fields[7], ARGV[5])
    and (ARGV[3] == '' or state_of(ARGV[i + 3], fields[4], fields[5]) == ARGV[3]) then
    found[#found + 1] = { i - 2, fields[8] or '', fields[9] or '', fields[10] or '' }
  end
end
return found
