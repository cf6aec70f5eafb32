-- Add the counters of a partition that was given up to those of another one, once.
--
-- KEYS  1 counters
-- ARGV  origin (the partition given up), and the list counted (name, value)
-- Returns 1, or 0 if they were added before.
-- With list
local origin = unpack(ARGV, 1, 1)
local counted, counted_end = list(2, 2)
if redis.call('HSETNX', KEYS[1], 'from ' .. origin, 1) == 0 then return 0 end
for i = counted, counted_end, 2 do
  redis.call('HINCRBY', KEYS[1], ARGV[i], ARGV[i + 1])
end
return 1
