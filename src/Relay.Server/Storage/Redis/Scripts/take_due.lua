#!lua flags=allow-oom
-- Agents that are due in an agenda, each moved on so that nobody else takes it meanwhile. ARGV: now, until, how many.
local due = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', ARGV[1], 'LIMIT', 0, ARGV[3])
for _, agent in ipairs(due) do
    redis.call('ZADD', KEYS[1], ARGV[2], agent)
end
return due
