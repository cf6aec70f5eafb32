-- Check whether the server accepts writes now: it rejects this write if it would reject one of `accept`.
--
-- KEYS  1 probe
redis.call('SET', KEYS[1], '', 'PX', 1000)
return 1
