#!lua flags=no-writes
-- A log, newest first: { place, entry, … }. ARGV: the place before which it begins or -1, how many.
local before = ARGV[1] == '-1' and '+' or '(' .. ARGV[1] .. '-0'
local answer = {}
if before ~= '(0-0' then -- Nothing is before the first, and Redis refuses to look there.
    for _, found in ipairs(redis.call('XREVRANGE', KEYS[1] .. ':log', before, '-', 'COUNT', ARGV[2])) do
        answer[#answer + 1] = string.match(found[1], '^%d+')
        answer[#answer + 1] = found[2][2]
    end
end
return answer
