#!lua flags=allow-oom
-- Moves an agenda's entry if nobody has moved it meanwhile. ARGV: agent, from, to.
if tonumber(redis.call('ZSCORE', KEYS[1], ARGV[1]) or -1) == tonumber(ARGV[2]) then
    redis.call('ZADD', KEYS[1], ARGV[3], ARGV[1])
end
return 1
