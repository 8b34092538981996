using Microsoft.Extensions.Caching.Memory;
using Relay.Protocol;
using Relay.Server.Agents;
using Relay.Server.Delivery;
using Relay.Server.Storage;

namespace Relay.Server.Activities;

/// <summary>
/// Tells that somebody who has no key of an agent named it. Relay ids are public, so whoever likes can do so: once in
/// <see cref="Quiet"/> for each agent, lest it wash everything else out of the log. Any thread.
/// </summary>
internal sealed class AuthFailures(AgentDirectory agents, ActivityHub hub, TimeProvider time) : IDisposable
{
    private static readonly TimeSpan Quiet = TimeSpan.FromSeconds(10);
    private readonly MemoryCache _told = new(new MemoryCacheOptions { SizeLimit = 10_000 });

    /// <summary>Never fails: it is not what the caller came for.</summary>
    public async Task ReportAsync(string? relayId, SessionId session, string reason)
    {
        try
        {
            if (RelayId.TryParse(relayId, out var id)
                && !_told.TryGetValue(id, out _)
                && await agents.FindAsync(id, CancellationToken.None) is not null
                && IsFirst(id))
            {
                hub.Publish(new AgentActivity(id, ActivityType.AuthFailed, time.GetUtcNow()) { Session = session, Reason = reason });
            }
        }
        catch (StoreUnavailableException)
        {
            // The refusal that this is about found the store away too, or the next call will say so.
        }
    }

    /// <summary>Of several that come at once one is told.</summary>
    private bool IsFirst(RelayId id)
    {
        lock (_told)
        {
            if (_told.TryGetValue(id, out _))
            {
                return false;
            }

            _told.Set(id, true, new MemoryCacheEntryOptions { Size = 1, AbsoluteExpirationRelativeToNow = Quiet });
            return true;
        }
    }

    public void Dispose() => _told.Dispose();
}
