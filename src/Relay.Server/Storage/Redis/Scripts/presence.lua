#!lua flags=allow-oom
-- Which nodes have connections of an agent; takes many. ARGV: node, now, until or '' (it has none any more). Those whose time is over are dropped.
return each_call(function(agent, at)
    local nodes, node, now, ends = agent .. ':nodes', ARGV[at], ARGV[at + 1], ARGV[at + 2]
    redis.call('ZREMRANGEBYSCORE', nodes, '-inf', now)
    if ends == '' then
        redis.call('ZREM', nodes, node)
    else
        redis.call('ZADD', nodes, ends, node)
        redis.call('PEXPIRE', nodes, ends - now, 'GT')
        redis.call('PEXPIRE', nodes, ends - now, 'NX')
    end
    return 1
end)
