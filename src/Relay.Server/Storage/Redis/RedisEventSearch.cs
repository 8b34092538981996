using Relay.Protocol;
using StackExchange.Redis;

namespace Relay.Server.Storage.Redis;

/// <summary>
/// Finds the agent of an event of which only the id is known. There is no index for it, which would cost every event a write: it asks
/// of each agent, a thousand on their way at a time. Some 10 ms for each thousand agents, and where
/// their lists of delivered events are full perhaps half a second, for a call that only people make.
/// </summary>
internal sealed class RedisEventSearch(RedisLanes lanes, RedisKeys keys)
{
    private const int AtATime = 1000;

    /// <returns>Null when no registered agent has it.</returns>
    public async Task<RelayId?> OwnerOfAsync(EventId id)
    {
        RedisValue last = default;
        while (true)
        {
            var after = last;
            var page = await lanes.All[0].ExecuteAsync(
                database => database.SortedSetRangeByValueAsync(keys.AllAgents, after, default, Exclude.Start, 0, AtATime), CancellationToken.None);
            var owners = await Task.WhenAll(page.Select(value => OwnerOrNullAsync(value, id)));
            if (Array.Find(owners, static owner => owner is not null) is { } found)
            {
                return found;
            }

            if (page.Length < AtATime)
            {
                return null;
            }

            last = page[^1];
        }
    }

    private async Task<RelayId?> OwnerOrNullAsync(RedisValue value, EventId id) =>
        RelayId.TryParse(value, out var agent)
            && (bool)await lanes.For(agent).RunAsync(RedisScript.Owns, keys.Agent(agent), RedisArgument.Of(id))
            ? agent
            : null;
}
