-- Delete a dead letter. A redelivery of its event stays a duplicate.
--
-- KEYS  1 dead letter times  2 dead letters  3 dead letter payloads  4 seen
-- ARGV  letter (its id)
-- Returns 1, or 0 if there is no such dead letter.
local letter = unpack(ARGV, 1, 1)
if redis.call('ZREM', KEYS[1], letter) == 0 then return 0 end
redis.call('HDEL', KEYS[2], letter)
redis.call('HDEL', KEYS[3], letter)
local seen = redis.call('GET', KEYS[4])
if seen then redis.call('SET', KEYS[4], string.gsub(seen, '^dead', 'stored'), 'KEEPTTL') end
return 1
