#!lua flags=no-writes
-- Whether the agent has an event. Answers 1 or 0.
local agent, id = KEYS[1], ARGV[1]
return (redis.call('EXISTS', agent .. ':e:' .. id) == 1 or live_batch(agent, id) or done_batch(agent, id)) and 1 or 0
