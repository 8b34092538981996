#!lua flags=no-writes
-- An event as it stands, or false: { state, accepted, head, body, attempts, failures, due or '', history, loss (0/1) }.
local agent, id = KEYS[1], ARGV[1]
local e = redis.call('HMGET', agent .. ':e:' .. id, 'state', 'made', 'head', 'body', 'history')
if not e[1] then
    return false
end
local state, attempts, failures, loss = state_of(e[1])
local due = (state == 'leased' or state == 'waiting') and redis.call('ZSCORE', agent .. ':' .. state, id)
local history = e[5] or ''
local number, at, session, outcome, at_end, reason = string.match(e[1], '^delivered (%S+) %S+ %S+ (%S+) ([^|]+)|([^|]+)|([^|]+)|(.*)$')
if number then
    history = ended(history, number, at, session, outcome, reason, at_end)
end
return { state, (made_of(e[2])), e[3], e[4], tonumber(attempts), tonumber(failures), due or '', history, tonumber(loss) }
