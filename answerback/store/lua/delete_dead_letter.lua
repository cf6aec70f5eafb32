-- Delete a dead letter. A redelivery of its event stays a duplicate.
--
-- KEYS  1 dead  2 letters  3 graves  4 seen
-- ARGV  1 dead letter id
-- Returns 1, or 0 if there is no such dead letter.
if redis.call('ZREM', KEYS[1], ARGV[1]) == 0 then return 0 end
redis.call('HDEL', KEYS[2], ARGV[1])
redis.call('HDEL', KEYS[3], ARGV[1])
local seen = redis.call('GET', KEYS[4])
if seen then redis.call('SET', KEYS[4], string.gsub(seen, '^dead', 'stored'), 'KEEPTTL') end
return 1
