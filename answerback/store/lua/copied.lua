-- Return whether a thread's copy is there. Replicas confirm it before the thread leaves its former partition.
-- Changes nothing.
--
-- KEYS  1 incoming
-- Returns 1 or 0.
return redis.call('EXISTS', KEYS[1])
