using Microsoft.Extensions.Options;
using Relay.Protocol;
using Relay.Server.Limits;
using Relay.Server.Storage;

namespace Relay.Server.Connections;

/// <summary>
/// How many connections each address has, and each agent that shares its deliveries among them: on all nodes together if they share a store.
/// While the store is away each node counts for itself. Any thread.
/// </summary>
internal sealed class ConnectionSeats(IOptions<ConnectionOptions> options, TimeProvider time, ISeatStore? store = null)
{
    /// <summary>Renewed at once; between them others' calls have their turn.</summary>
    private const int MaxBatch = 256;

    /// <summary>Of this node. The store is called under the lock, so that it hears everything in the same order.</summary>
    private readonly Dictionary<LimitKey, SeatCount> _held = [];

    /// <returns>For one connection, to be given back at its end; null: the address has as many as it may.</returns>
    public Task<Seat?> TakeAsync(ClientAddress address, bool isAuthenticated) => TakeAsync(
        LimitKey.From(address), isAuthenticated, new SeatCount(options.Value.MaxPerAddress, options.Value.MaxUnauthenticatedPerAddress));

    /// <returns>The same for an agent's.</returns>
    public Task<Seat?> TakeAsync(RelayId agent) => TakeAsync(LimitKey.Of(agent), isAuthenticated: true, new SeatCount(options.Value.MaxPerAgent, 0));

    /// <summary>Tells other nodes again what this one has: it is not believed for ever.</summary>
    /// <exception cref="StoreUnavailableException">By the task.</exception>
    public async Task RenewAsync()
    {
        if (store is null)
        {
            return;
        }

        LimitKey[] keys;
        lock (_held)
        {
            keys = [.. _held.Keys];
        }

        foreach (var batch in keys.Chunk(MaxBatch))
        {
            await Task.WhenAll(batch.Select(RenewAsync));
        }
    }

    private Task RenewAsync(LimitKey key)
    {
        lock (_held)
        {
            var now = time.GetUtcNow();
            return _held.TryGetValue(key, out var held) ? store!.HoldAsync(key, held, now, now + Presence.Lifetime) : Task.CompletedTask;
        }
    }

    private async Task<Seat?> TakeAsync(LimitKey key, bool isAuthenticated, SeatCount most)
    {
        var wanted = new SeatCount(1, isAuthenticated ? 0 : 1);
        Task<bool>? isGranted;
        lock (_held)
        {
            var held = _held.GetValueOrDefault(key);
            if (held.All >= most.All || (!isAuthenticated && held.Unauthenticated >= most.Unauthenticated))
            {
                return null;
            }

            _held[key] = held + wanted;
            var now = time.GetUtcNow();
            isGranted = store?.TakeAsync(key, wanted, most, now, now + Presence.Lifetime);
        }

        try
        {
            if (isGranted is null || await isGranted)
            {
                return new Seat(this, key, wanted);
            }
        }
        catch (StoreUnavailableException)
        {
            // By this node's own count there is room. The store hears of it when it is back.
            return new Seat(this, key, wanted);
        }

        lock (_held)
        {
            Leave(key, wanted);
        }

        return null;
    }

    /// <summary>Under the lock.</summary>
    private void Leave(LimitKey key, SeatCount given)
    {
        if (_held[key] - given is { All: > 0 } left)
        {
            _held[key] = left;
        }
        else
        {
            _held.Remove(key);
        }
    }

    private async Task GiveAsync(LimitKey key, SeatCount given)
    {
        Task? told;
        lock (_held)
        {
            Leave(key, given);
            var now = time.GetUtcNow();
            told = store?.GiveAsync(key, given, now, now + Presence.Lifetime);
        }

        try
        {
            await (told ?? Task.CompletedTask);
        }
        catch (StoreUnavailableException)
        {
            // It is told anew with what else this node has, or ends by itself.
        }
    }

    /// <summary>The calls: any thread. They take effect on this node at once; their tasks end when other nodes know, and never fault.</summary>
    internal sealed class Seat(ConnectionSeats seats, LimitKey key, SeatCount taken) : IAsyncDisposable
    {
        private readonly Lock _gate = new();
        private SeatCount _taken = taken;

        public Task AuthenticatedAsync() => GiveAsync(all: 0);

        public async ValueTask DisposeAsync() => await GiveAsync(all: 1);

        private Task GiveAsync(int all)
        {
            SeatCount given;
            lock (_gate)
            {
                given = new SeatCount(Math.Min(all, _taken.All), _taken.Unauthenticated);
                _taken -= given;
            }

            return given == default ? Task.CompletedTask : seats.GiveAsync(key, given);
        }
    }
}
