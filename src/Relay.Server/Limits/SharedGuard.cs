using Relay.Server.Storage;

namespace Relay.Server.Limits;

/// <summary>
/// The wrong keys that all nodes have seen. What it is asked while the store is away it does not know; what it is told then is lost. Any thread.
/// </summary>
internal sealed class SharedGuard(ISharedPermits permits, int perMinute, TimeProvider time)
{
    /// <summary>Of how many wrong keys a minute this node tells others, so that the store's memory is bounded.</summary>
    private const int MostPerMinute = 100_000;

    private readonly RateTable<bool> _told = new(MostPerMinute, time);

    /// <returns>Whether wrong keys came from the address, and for how long what comes from there is to be refused.</returns>
    public async ValueTask<(bool WereWrong, TimeSpan? Wait)> LookAsync(ClientAddress address)
    {
        try
        {
            var found = await permits.TakeAsync(LimitKey.WrongFrom(address), perMinute, wanted: 0, time.GetUtcNow());
            return (found.Left < perMinute, found.Wait > TimeSpan.Zero ? found.Wait : null);
        }
        catch (StoreUnavailableException)
        {
            return default;
        }
    }

    /// <summary>A wrong key that this node had not seen before.</summary>
    public async ValueTask CountAsync(ClientAddress address, ulong key, string? identity)
    {
        if (!_told.Take(true).IsGranted)
        {
            return;
        }

        try
        {
            var now = time.GetUtcNow();
            var known = await permits.TakeAsync(LimitKey.Wrong(key), perMinute, wanted: 1, now);
            if (known is { Count: 1 } && known.Left == perMinute - 1)
            {
                await Task.WhenAll(
                    permits.TakeAsync(LimitKey.WrongFrom(address), perMinute, wanted: 1, now),
                    identity is null ? Task.CompletedTask : CountForAsync(identity, address, now));
            }
        }
        catch (StoreUnavailableException)
        {
            // This node has counted it for itself.
        }
    }

    public async ValueTask ForgetAsync(ClientAddress address)
    {
        try
        {
            await permits.FillAsync(LimitKey.WrongFrom(address));
        }
        catch (StoreUnavailableException)
        {
            // It ends by itself.
        }
    }

    private async Task CountForAsync(string identity, ClientAddress address, DateTimeOffset now)
    {
        if (await permits.TakeAsync(LimitKey.WrongFor(identity), perMinute, wanted: 1, now) is { Count: 0 })
        {
            await permits.DrainAsync(LimitKey.WrongFrom(address), perMinute, now);
        }
    }
}
