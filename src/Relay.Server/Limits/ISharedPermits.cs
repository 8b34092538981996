using Relay.Protocol;

namespace Relay.Server.Limits;

/// <summary>The buckets that all nodes take from.</summary>
internal interface ISharedPermits
{
    /// <summary>How long a node may hold what it took.</summary>
    static readonly TimeSpan HeldFor = TimeSpan.FromSeconds(1);

    /// <summary>Takes permits out of an agent's bucket: fewer than are wanted when few are there, so that other nodes get theirs.</summary>
    /// <param name="agent">Whose bucket it is.</param>
    /// <param name="perMinute">How many the bucket holds, and a minute brings.</param>
    /// <param name="wanted">1 or more. One alone must be used at once, several within <see cref="HeldFor"/>.</param>
    /// <param name="now">By which the bucket fills.</param>
    /// <exception cref="Storage.StoreUnavailableException">By the task.</exception>
    Task<TakenPermits> TakeAsync(RelayId agent, int perMinute, int wanted, DateTimeOffset now);
}

/// <param name="Count">How many were taken.</param>
/// <param name="Left">How many were left.</param>
/// <param name="Wait">When there is one again, if none was taken.</param>
internal readonly record struct TakenPermits(int Count, long Left, TimeSpan Wait);
