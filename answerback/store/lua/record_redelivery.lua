-- Note that a delivery is about to be asked for again, unless somebody else has noted it meanwhile.
--
-- KEYS  1 redeliveries of the webhook
-- ARGV  1 delivery id  2 what was noted when we looked, '' for nothing  3 what is noted now
-- Returns 1, or 0 when another one was first.
if (redis.call('HGET', KEYS[1], ARGV[1]) or '') ~= ARGV[2] then return 0 end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[3])
return 1
