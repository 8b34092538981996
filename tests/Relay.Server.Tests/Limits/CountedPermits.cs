using Relay.Server.Limits;

namespace Relay.Server.Tests.Limits;

/// <summary>Buckets that never are empty.</summary>
internal sealed class CountedPermits : ISharedPermits
{
    public int Calls { get; private set; }

    public Task<TakenPermits> TakeAsync(LimitKey key, int perMinute, int wanted, DateTimeOffset now)
    {
        Calls++;
        return Task.FromResult(new TakenPermits(wanted, perMinute, TimeSpan.Zero));
    }

    public Task DrainAsync(LimitKey key, int perMinute, DateTimeOffset now) => Task.CompletedTask;

    public Task FillAsync(LimitKey key) => Task.CompletedTask;
}
