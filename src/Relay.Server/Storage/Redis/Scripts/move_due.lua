#!lua flags=allow-oom
-- Moves or removes an agenda's entry if nobody has moved it meanwhile. ARGV: agent, from, to or '' (removes it).
if tonumber(redis.call('ZSCORE', KEYS[1], ARGV[1]) or -1) == tonumber(ARGV[2]) then
    if ARGV[3] == '' then
        redis.call('ZREM', KEYS[1], ARGV[1])
    else
        redis.call('ZADD', KEYS[1], ARGV[3], ARGV[1])
    end
end
return 1
