-- Record that the redelivery of a delivery is about to be requested, unless another round has recorded it meanwhile.
--
-- KEYS  1 redeliveries of the webhook
-- ARGV  delivery (its id), read (the record that was read, '' for none), record (the new one)
-- Returns 1, or 0 if another round was first.
local delivery, read, record = unpack(ARGV, 1, 3)
if (redis.call('HGET', KEYS[1], delivery) or '') ~= read then return 0 end
redis.call('HSET', KEYS[1], delivery, record)
return 1
