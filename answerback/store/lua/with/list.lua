-- Return the first and the last position in ARGV of a list that follows its length at `at`; its items have `width` values.
local function list(at, width)
  return at + 1, at + width * ARGV[at]
end
