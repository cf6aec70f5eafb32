-- Record that the redelivery of a delivery is about to be requested, unless another round has recorded it meanwhile.
--
-- KEYS  1 redeliveries of the webhook
-- ARGV  1 delivery id  2 the record that was read, '' for none  3 the new record
-- Returns 1, or 0 if another round was first.
if (redis.call('HGET', KEYS[1], ARGV[1]) or '') ~= ARGV[2] then return 0 end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[3])
return 1
