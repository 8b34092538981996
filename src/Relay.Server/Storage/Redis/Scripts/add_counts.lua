#!lua flags=allow-oom
-- Adds to the counts of an hour. ARGV: ms to keep it, then names and numbers.
for i = 2, #ARGV, 2 do
    redis.call('HINCRBY', KEYS[1], ARGV[i], ARGV[i + 1])
end
redis.call('PEXPIRE', KEYS[1], ARGV[1])
return 1
