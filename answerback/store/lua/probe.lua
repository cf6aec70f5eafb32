#!lua flags=no-writes,allow-oom,allow-stale
-- Check which calls our user may make, by asking the server's access rules without running them.
--
-- ARGV  for each call: the number of its words, then the words
-- Returns for each call 1 or 0, and 2 for a command that the server does not know: it may be renamed or disabled.
local allowed = {}
local at = 1
while at <= #ARGV do
  local known, may = pcall(redis.acl_check_cmd, unpack(ARGV, at + 1, at + ARGV[at]))
  allowed[#allowed + 1] = not known and 2 or may and 1 or 0
  at = at + ARGV[at] + 1
end
return allowed
