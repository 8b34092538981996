using System.Buffers.Binary;
using System.Collections.Concurrent;
using Relay.Protocol;
using Relay.Server.Operations;
using Relay.Server.Storage;

namespace Relay.Server.Agents;

/// <summary>
/// When each agent's keys were last used: noted in memory, and brought to the store once a minute, so that nobody waits for it and other nodes
/// see it a minute later. Any thread.
/// </summary>
internal sealed partial class KeyUsage(IAgentStore store, TimeProvider time, ILogger<KeyUsage> logger) : BackgroundService
{
    /// <summary>Keys noted in a minute; more are noted in the next.</summary>
    private const int MostNoted = 100_000;

    private static readonly TimeSpan StoreInterval = TimeSpan.FromMinutes(1);

    /// <summary>By the key's hash, which is the agent's own array.</summary>
    private readonly ConcurrentDictionary<byte[], (RelayId Agent, long At)> _noted = new(new HashComparer());

    private int _count;

    /// <summary>The key by which the agent was found is in use. Never waits.</summary>
    /// <param name="agent">Found by a key.</param>
    public void Note(Agent agent)
    {
        var key = agent.KeyHash!;
        var use = (agent.Id, time.GetUtcNow().ToUnixTimeMilliseconds());
        if (_noted.ContainsKey(key))
        {
            _noted[key] = use;
        }
        else if (Volatile.Read(ref _count) < MostNoted && _noted.TryAdd(key, use))
        {
            Interlocked.Increment(ref _count);
        }
    }

    /// <returns>Unix ms; null: never, as far as this node knows.</returns>
    public async Task<long?> FindLastAsync(RelayId agent, byte[] keyHash)
    {
        var stored = await store.FindLastUseAsync(agent, keyHash);
        return _noted.TryGetValue(keyHash, out var noted) ? Math.Max(noted.At, stored ?? 0) : stored;
    }

    public override async Task StopAsync(CancellationToken cancellationToken)
    {
        await base.StopAsync(cancellationToken);
        await StoreAsync();
    }

    protected override Task ExecuteAsync(CancellationToken stoppingToken) => time.RepeatAsync(StoreInterval, StoreAsync, stoppingToken);

    private async Task StoreAsync()
    {
        try
        {
            foreach (var batch in _noted.ToArray().Chunk(256))
            {
                await store.NoteUsesAsync([.. batch.Select(static one => new KeyUse(one.Value.Agent, one.Key, one.Value.At))]);
                foreach (var one in batch)
                {
                    // What was used again meanwhile stays noted.
                    _noted.TryRemove(one);
                }
            }
        }
        catch (StoreUnavailableException)
        {
            // It stays noted for the next time.
        }
        catch (Exception exception)
        {
            NotStored(logger, exception);
        }

        Volatile.Write(ref _count, _noted.Count);
    }

    private sealed class HashComparer : IEqualityComparer<byte[]>
    {
        public bool Equals(byte[]? x, byte[]? y) => x.AsSpan().SequenceEqual(y);

        /// <summary>Any of its bits are as good as others.</summary>
        public int GetHashCode(byte[] obj) => BinaryPrimitives.ReadInt32LittleEndian(obj);
    }

    [LoggerMessage(1721, LogLevel.Error, "When keys were last used could not be stored; it is tried again")]
    private static partial void NotStored(ILogger logger, Exception exception);
}
