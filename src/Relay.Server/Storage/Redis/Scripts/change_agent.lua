#!lua flags=allow-oom
-- Replaces an agent's document if it is still the version that the change was made from, and tells who serves the agent, and all nodes.
-- ARGV: version, document, the channel of all nodes, relay id. Answers 1 or 0.
local agent, version, document = KEYS[1], tonumber(ARGV[1]), ARGV[2]
local kept = redis.call('GET', agent .. ':agent')
if not kept or (cjson.decode(kept).version or 0) ~= version then
    return 0
end
redis.call('SET', agent .. ':agent', document)
redis.call('PUBLISH', agent .. ':signal', 'agent')
redis.call('PUBLISH', ARGV[3], ARGV[4])
return 1
