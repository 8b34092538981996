namespace Relay.Server.Limits;

/// <summary>The buckets that all nodes take from. A bucket is full at first and forgotten when it is full again. Any thread.</summary>
internal interface ISharedPermits
{
    /// <summary>How long a node may hold what it took: an agent with one event in some seconds costs a question in that time, not one for each.</summary>
    static readonly TimeSpan HeldFor = TimeSpan.FromSeconds(10);

    /// <summary>Takes permits out of a bucket: fewer than are wanted when few are there, so that other nodes get theirs.</summary>
    /// <param name="key">Whose bucket it is.</param>
    /// <param name="perMinute">How many the bucket holds, and a minute brings.</param>
    /// <param name="wanted">0 to look only. One alone must be used at once, several within <see cref="HeldFor"/>.</param>
    /// <param name="now">By which the bucket fills.</param>
    /// <exception cref="Storage.StoreUnavailableException">By the task.</exception>
    Task<TakenPermits> TakeAsync(LimitKey key, int perMinute, int wanted, DateTimeOffset now);

    /// <summary>Takes all permits, and those of the next minute.</summary>
    /// <exception cref="Storage.StoreUnavailableException">By the task.</exception>
    Task DrainAsync(LimitKey key, int perMinute, DateTimeOffset now);

    /// <summary>Fills the bucket.</summary>
    /// <exception cref="Storage.StoreUnavailableException">By the task.</exception>
    Task FillAsync(LimitKey key);
}

/// <param name="Count">How many were taken.</param>
/// <param name="Left">How many were left.</param>
/// <param name="Wait">When there is one again, if there was none.</param>
internal readonly record struct TakenPermits(int Count, long Left, TimeSpan Wait);
