#!lua flags=allow-oom
-- When an agent's key was last used. ARGV: the key's hash as the document has it, as the field has it, ms. A key that it has not any more is left out.
local kept = redis.call('GET', KEYS[1] .. ':agent')
local agent = kept and cjson.decode(kept)
if agent and (agent.key_hash == ARGV[1] or (agent.retiring and agent.retiring.key_hash == ARGV[1])) then
    redis.call('HSET', KEYS[1] .. ':uses', ARGV[2], ARGV[3])
end
return 1
