#!lua
-- Adds entries to a log. ARGV: how many are kept, ms to live after the last or '' (for ever), entries.
local log = KEYS[1] .. ':log'
local last = redis.call('XREVRANGE', log, '+', '-', 'COUNT', 1)[1]
local place = last and tonumber(string.match(last[1], '^%d+')) or 0
for i = 3, #ARGV do
    place = place + 1
    redis.call('XADD', log, 'MAXLEN', '=', ARGV[1], string.format('%.0f-0', place), 'entry', ARGV[i])
end
if ARGV[2] ~= '' then
    redis.call('PEXPIRE', log, ARGV[2])
end
return place
