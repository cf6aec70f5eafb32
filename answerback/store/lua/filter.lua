-- Return which of some threads match a filter. Changes nothing.
--
-- KEYS  1 ready  2 clock  then each thread's hash
-- ARGV  platform, wanted (agent), state ("idle", "waiting", "running" or "retrying"; these three are "" for any),
--       archived, pinned ("yes", "no" or "" for either), and the list threads (their ids)
-- Returns for each match {its number among the threads, from 1, title, channel, user}.
-- With clock
-- With list
local platform, wanted, state, archived, pinned = unpack(ARGV, 1, 5)
local threads = list(6, 1)
local now = clock(KEYS[2])

local function state_of(id, owner, attempts)
  local score = redis.call('ZSCORE', KEYS[1], id)
  if not score then return 'idle' end
  if tonumber(score) <= now then return 'waiting' end
  if owner and owner ~= '' then return 'running' end
  return tonumber(attempts or 0) > 0 and 'retrying' or 'waiting'
end

local function is(flag, value)
  return value == '' or (value == 'yes') == (flag and flag ~= '' or false)
end

local matches = {}
for i = 3, #KEYS do
  local fields = redis.call('HMGET', KEYS[i], 'platform', 'wanted', 'agent', 'owner', 'attempts', 'archived', 'pinned',
    'title', 'channel', 'user')
  local agent = fields[2] and fields[2] ~= '' and fields[2] or fields[3] or ''
  if (platform == '' or fields[1] == platform) and (wanted == '' or agent == wanted)
    and is(fields[6], archived) and is(fields[7], pinned)
    and (state == '' or state_of(ARGV[threads + i - 3], fields[4], fields[5]) == state) then
    matches[#matches + 1] = { i - 2, fields[8] or '', fields[9] or '', fields[10] or '' }
  end
end
return matches
