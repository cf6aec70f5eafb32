-- Return whether a copy is there. Replicas confirm it, and all that was written before it, before the original is deleted.
-- Changes nothing.
--
-- KEYS  1 copy
-- Returns 1 or 0.
return redis.call('EXISTS', KEYS[1])
