#!lua flags=allow-oom
-- Which nodes have connections of an agent. ARGV: node, now, until or '' (it has none any more). Those whose time is over are dropped.
local nodes, node, now, ends = KEYS[1] .. ':nodes', ARGV[1], ARGV[2], ARGV[3]
redis.call('ZREMRANGEBYSCORE', nodes, '-inf', now)
if ends == '' then
    redis.call('ZREM', nodes, node)
else
    redis.call('ZADD', nodes, ends, node)
    redis.call('PEXPIRE', nodes, ends - now, 'GT')
    redis.call('PEXPIRE', nodes, ends - now, 'NX')
end
return 1
