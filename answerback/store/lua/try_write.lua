-- Write as `accept` does, to find out whether the server takes it now: it refuses this where it would refuse an event.
--
-- KEYS  1 probe
redis.call('SET', KEYS[1], '', 'PX', 1000)
return 1
