-- Record that all threads have been moved: the store has one layout again.
--
-- KEYS  1 layout
-- ARGV  generation (of the layout that they were moved to)
-- Returns 1, or 0 if there was nothing to record.
local generation = unpack(ARGV, 1, 1)
if redis.call('HGET', KEYS[1], 'generation') ~= generation then return 0 end
return redis.call('HDEL', KEYS[1], 'former_generation', 'former_count', 'begun') > 0 and 1 or 0
