using Relay.Protocol;
using Relay.Server.Storage;

namespace Relay.Server.Activities;

/// <summary>Keeps the last <see cref="MostKept"/> entries of each agent. Any thread; every call may throw <see cref="StoreUnavailableException"/>.</summary>
internal interface IAgentLog
{
    const int MostKept = 1000;

    /// <summary>Adds entries, the oldest first, and forgets those that are too many.</summary>
    Task AppendAsync(RelayId agent, IReadOnlyList<ActivityEntry> entries);

    /// <summary>Newest first.</summary>
    /// <param name="agent">Whose.</param>
    /// <param name="before"><see cref="AgentLogPage.Next"/> of the page before; null: from the newest.</param>
    /// <param name="limit">1 or more.</param>
    Task<AgentLogPage> ReadAsync(RelayId agent, long? before, int limit);
}

/// <param name="Entries">Newest first.</param>
/// <param name="Next">Where the next page begins; null: this is the last.</param>
internal sealed record AgentLogPage(IReadOnlyList<ActivityEntry> Entries, long? Next)
{
    /// <param name="found">Each with its place, newest first, one more than the limit if there are more.</param>
    /// <param name="limit">How many were asked for.</param>
    public static AgentLogPage Of(IReadOnlyList<(long Place, ActivityEntry Entry)> found, int limit) => new(
        [.. found.Take(limit).Select(static one => one.Entry)], found.Count > limit ? found[limit - 1].Place : null);
}
