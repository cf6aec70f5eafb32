#!lua flags=no-writes,allow-oom,allow-stale
-- Check which calls our user may make, by asking the server's access rules without running them.
--
-- ARGV  for each call: the number of its words, then the words
-- Returns for each call 1 or 0; a command that the server does not know counts as not permitted.
local allowed = {}
local at = 1
while at <= #ARGV do
  local known, may = pcall(redis.acl_check_cmd, unpack(ARGV, at + 1, at + ARGV[at]))
  allowed[#allowed + 1] = known and may and 1 or 0
  at = at + ARGV[at] + 1
end
return allowed
