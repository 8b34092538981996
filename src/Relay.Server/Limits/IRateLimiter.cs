namespace Relay.Server.Limits;

/// <summary>A bucket of permits for each key: as many as a minute brings, full at first.</summary>
internal interface IRateLimiter
{
    /// <summary>Takes one permit, if there is one. Any thread.</summary>
    /// <param name="key">Whose bucket it is.</param>
    /// <param name="perMinute">1 or more.</param>
    /// <exception cref="Storage.StoreUnavailableException">Whether there is one cannot be known now.</exception>
    ValueTask<Permit> TakeAsync(LimitKey key, int perMinute);
}
