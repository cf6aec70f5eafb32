#!lua flags=allow-oom
-- Write a key, also on a full server, so that WAIT waits for all that was written before.
--
-- KEYS  1 confirmation
redis.call('SET', KEYS[1], '', 'PX', 1000)
return 1
