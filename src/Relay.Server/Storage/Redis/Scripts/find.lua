#!lua flags=no-writes
-- An event as it stands, or false: { state, accepted, head, body, attempts, failures, due or '', history }.
local agent, id = KEYS[1], ARGV[1]
local e = redis.call('HMGET', agent .. ':e:' .. id, 'state', 'accepted', 'head', 'body', 'attempts', 'failures', 'history')
local state = e[1]
if not state then
    return false
end
local due = (state == 'leased' or state == 'waiting') and redis.call('ZSCORE', agent .. ':' .. state, id)
return { state, e[2], e[3], e[4], tonumber(e[5] or 0), tonumber(e[6] or 0), due or '', e[7] or '' }
