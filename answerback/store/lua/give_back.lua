#!lua flags=allow-oom
-- Give back threads that were reserved and not claimed: anyone may reserve them now.
--
-- KEYS  1 queue (`ready` or `due`)  2 its wake  3 clock
-- ARGV  till (lease end, as `reserve` gave it), and the list threads (their ids)
-- Returns how many were still reserved.
-- With clock
-- With list
-- With wake
local till = unpack(ARGV, 1, 1)
local threads, threads_end = list(2, 1)
local now = clock(KEYS[3])
local given = 0
for i = threads, threads_end do
  if tonumber(redis.call('ZSCORE', KEYS[1], ARGV[i])) == tonumber(till) then
    redis.call('ZADD', KEYS[1], now, ARGV[i])
    given = given + 1
  end
end
if given > 0 then wake(KEYS[2]) end
return given
