-- Put after the first line of each script.

-- How events are handed out to a session: its name's beginning says so (SessionId).
local vias = { poll_ = 'poll', http_ = 'http' }
local function via(session)
    return vias[string.sub(session, 1, 5)] or 'websocket'
end

-- Whether it is handed events only while it holds the claim.
local function needs_claim(session)
    return string.sub(session, 1, 4) == 'ses_'
end

-- Whether another's claim takes what it holds.
local function is_connection(session)
    return via(session) == 'websocket'
end

-- Whether it shares the agent with other connections, on any node.
local function is_sharing(session)
    return string.sub(session, 1, 4) == 'shr_'
end

-- Who shares an agent, by session, as each was last heard of: { node, room: how many events more it takes, turns: how many ready ones are
-- left to it, since: when the first of them was, credit, heard: when that was }.
local function save_sharers(agent, sharers)
    if next(sharers) then
        redis.call('HSET', agent, 'sharers', cjson.encode(sharers))
    else
        redis.call('HDEL', agent, 'sharers')
    end
end

-- `said`: "room node".
local function hear(sharers, session, said, now)
    local room, node = string.match(said, '^(%d+) (%S+)$')
    local one = sharers[session] or { turns = 0, credit = 0 }
    one.room, one.node, one.heard = tonumber(room), node, tonumber(now)
    sharers[session] = one
    return one
end

-- Whose turn the next event is, in proportion to their rooms and evenly mixed; nil when none has room. Each gathers credit as it has room;
-- who has the most pays for all.
local function next_turn(sharers)
    local all, chosen = 0, nil
    for session, one in pairs(sharers) do
        local room = one.room - one.turns
        if room > 0 then
            all = all + room
            one.credit = one.credit + room
            local most = chosen and sharers[chosen].credit
            if not chosen or one.credit > most or (one.credit == most and session < chosen) then
                chosen = session
            end
        end
    end
    if chosen then
        sharers[chosen].credit = sharers[chosen].credit - all
    end
    return chosen
end

-- An event is a hash of few fields, because each costs as much as a command: `made`: "accepted size", `head`, `body`, `state` (see as_state), and
-- where there is something to say `history`, `order` (its ordering key), `sequence` (of one that is held), `wait` ("until node" of its sender).
local function made_of(kept)
    return string.match(kept, '^(%S+) (%S+)$')
end

-- `leased_at` and `holder` are the last lease's; 0 and - before the first. Of what an ack took from a lease, the
-- end of that attempt is behind the holder, "|outcome|ended|reason" without blanks, and not in the history.
local function as_state(name, attempts, failures, loss, leased_at, holder)
    return name .. ' ' .. attempts .. ' ' .. failures .. ' ' .. loss .. ' ' .. leased_at .. ' ' .. holder
end

local never_leased = '0 0 0 0 -'

local function state_of(kept)
    return string.match(kept, '^(%S+) (%S+) (%S+) (%S+) (%S+) (%S+)')
end

local function name_of(kept)
    return string.match(kept, '^%S+')
end

-- Of the index of a batch, each event: its id, accepted, the sizes of its head and its body, how much later than the batch's its lease ends.
local batch_line = '(%S+) (%d+) (%d+) (%d+) (%d+)\n'

-- More than so many of an agent are not leased at a time, because making their events ones of their own may have to be done in one step.
local most_batches = 64

-- Of a member of `batches`, `ready_batches` or `done`: the batch's id, how many events it has, their size. Nil for an event of its own.
local function batch_of(member)
    return string.match(member, '^([^+ ]+)%+(%d+) (%d+)$')
end

-- The list of the delivered outlives what is in it, by so much that this is seldom to be written.
local function keep_list(set, delivered_ms)
    if redis.call('PTTL', set) < delivered_ms then
        redis.call('PEXPIRE', set, math.ceil(delivered_ms * 1.125))
    end
end

-- An event has been settled: the next one with its ordering key, if it was held, is ready.
local function release_next(agent, order, id)
    local line = agent .. ':k:' .. order
    redis.call('LREM', line, 1, id)
    local first = redis.call('LINDEX', line, 0)
    while first do
        local e = redis.call('HMGET', agent .. ':e:' .. first, 'state', 'sequence')
        if e[1] and name_of(e[1]) == 'held' then
            redis.call('HSET', agent .. ':e:' .. first, 'state', 'ready ' .. never_leased)
            redis.call('ZADD', agent .. ':ready', e[2], first)
            redis.call('PUBLISH', agent .. ':signal', '')
            return
        elseif e[1] then
            return
        end
        redis.call('LPOP', line) -- Redis evicted it, or someone deleted it: the others go on.
        first = redis.call('LINDEX', line, 0)
    end
end

-- A history with one more ended attempt, which is a line: "number leased_at session outcome ended reason", the reason as JSON or empty; the first 100
-- are kept.
local function ended(history, number, at, session, outcome, reason, now)
    history = history or ''
    if tonumber(number) > 100 then
        return history
    end
    return history .. number .. ' ' .. at .. ' ' .. session .. ' ' .. outcome .. ' ' .. now .. ' ' .. reason .. '\n'
end

-- One command over many arguments, some hundreds at a time: Lua's stack is small.
local function in_chunks(command, key, values)
    for i = 1, #values, 500 do
        local last = math.min(i + 499, #values)
        if key then
            redis.call(command, key, unpack(values, i, last))
        else
            redis.call(command, unpack(values, i, last))
        end
    end
end

-- One more event in the gap (count, first and last acceptance) that the agent is to be told of.
local function add_to_gap(agent, kind, accepted)
    local gap = redis.call('HGET', agent, 'gap_' .. kind) or '0 ' .. accepted .. ' ' .. accepted
    local count, first, last = string.match(gap, '^(%d+) (%d+) (%d+)$')
    redis.call('HSET', agent, 'gap_' .. kind, string.format('%.0f %.0f %.0f', count + 1, math.min(first, accepted), math.max(last, accepted)))
end

-- Keeps events that are dead or expired for their time, or forgets them.
local function keep_given_up(agent, kind, ids, dead_ms)
    local set, listed, gone = agent .. ':' .. kind, {}, {}
    for _, id in ipairs(ids) do
        if dead_ms > 0 then
            redis.call('PEXPIRE', agent .. ':e:' .. id, dead_ms)
            listed[#listed + 1], listed[#listed + 2] = 0, id
        else
            redis.call('UNLINK', agent .. ':e:' .. id)
        end
    end
    if #listed == 0 then
        return
    end

    -- For each one that comes, two of the oldest are looked at, and dropped if their hashes have expired: the set does not outgrow them.
    in_chunks('ZADD', set, listed)
    for _, id in ipairs(redis.call('ZRANGE', set, 0, 2 * #ids - 1)) do
        if redis.call('EXISTS', agent .. ':e:' .. id) == 0 then
            gone[#gone + 1] = id
        end
    end
    in_chunks('ZREM', set, gone)
    redis.call('PEXPIRE', set, dead_ms)
end

-- Calls that came together (RedisScript.TakesMany): of each the number of its agent among KEYS, how many arguments it has, and these; `run` is
-- given the agent and the places of the first argument and of the last. One agent's broken keys are not another's fault: what fails is
-- answered '!' and why.
local function each_call(run)
    local answers, at = {}, 1
    while at <= #ARGV do
        local first, count = at + 2, tonumber(ARGV[at + 1])
        local ok, answer = pcall(run, KEYS[tonumber(ARGV[at])], first, first + count - 1)
        if not ok then
            answer = '!' .. tostring(type(answer) == 'table' and answer.err or answer)
        end
        answers[#answers + 1] = answer
        at = first + count
    end
    return answers
end
