#!lua flags=allow-oom
-- The agent has been told of gaps. ARGV: for each: kind, count, last. What came since stays.
for i = 1, #ARGV, 3 do
    local field, told, seen = 'gap_' .. ARGV[i], tonumber(ARGV[i + 1]), ARGV[i + 2]
    local count, last = string.match(redis.call('HGET', KEYS[1], field) or '0 0 0', '^(%d+) %d+ (%d+)$')
    if tonumber(count) > told then
        redis.call('HSET', KEYS[1], field, string.format('%.0f %s %s', count - told, seen, last))
    else
        redis.call('HDEL', KEYS[1], field)
    end
end
return 1
