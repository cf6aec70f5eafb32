#!lua flags=no-writes,allow-oom,allow-stale
-- Which calls the user who runs this may make. It asks the server's access rules, and calls nothing.
--
-- ARGV  for each call: how many words it has, then those words
-- Returns for each call 1 or 0; a command that the server does not know, or knows by another name, counts as refused.
local allowed = {}
local at = 1
while at <= #ARGV do
  local known, may = pcall(redis.acl_check_cmd, unpack(ARGV, at + 1, at + ARGV[at]))
  allowed[#allowed + 1] = known and may and 1 or 0
  at = at + ARGV[at] + 1
end
return allowed
