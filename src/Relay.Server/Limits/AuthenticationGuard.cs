using System.Buffers.Binary;
using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Text;
using Microsoft.Extensions.Options;

namespace Relay.Server.Limits;

/// <summary>
/// Slows those who try keys. Counted in bounded memory, and on all nodes together if they share a store; while that is away each node counts
/// for itself. Any thread.
/// <list type="bullet">
/// <item>Each wrong key that was not seen before counts against the address that gave it. Over the limit, what comes from there is refused
/// unchecked, but for keys that were good before: who shares an address with a guesser goes on.</item>
/// <item>The same wrong key again counts against itself only, on each node: an agent that keeps its old key costs its neighbours nothing.</item>
/// <item>Each counts against the identity for which it was given, the admin or a relay id, too. While that is over the limit, an address that gives
/// a wrong key for it is refused for a minute at once. The identity itself is never refused: a right key is let in from any other address.</item>
/// </list>
/// A key that this node has found good costs nothing; another one the store is asked about first.
/// </summary>
internal sealed class AuthenticationGuard
{
    /// <summary>The identity that the admin key is for.</summary>
    public const string Admin = "admin";

    private const int MostGoodKeys = 100_000;
    private const int MostIdentityLength = 64;

    private readonly RateTable<ClientAddress>? _addresses;
    private readonly RateTable<ulong>? _keys;
    private readonly RateTable<string>? _identities;
    private readonly SharedGuard? _shared;
    private readonly ConcurrentDictionary<ulong, byte> _good = new();

    public AuthenticationGuard(IOptions<RateLimitOptions> options, TimeProvider time, ISharedPermits? permits = null)
    {
        if (options.Value.FailedAuthenticationsPerMinute is > 0 and var perMinute)
        {
            _addresses = new RateTable<ClientAddress>(perMinute, time);
            _keys = new RateTable<ulong>(perMinute, time);
            _identities = new RateTable<string>(perMinute, time, most: 16 << 10);
            _shared = permits is null ? null : new SharedGuard(permits, perMinute, time);
        }
    }

    /// <param name="address">Where it came from.</param>
    /// <param name="key">As it was given.</param>
    /// <param name="identity">For whom it is said to be; null: it says so itself.</param>
    public PresentedKey Present(ClientAddress address, string key, string? identity) =>
        new(this, address, BinaryPrimitives.ReadUInt64LittleEndian(SHA256.HashData(Encoding.UTF8.GetBytes(key))), identity is { Length: > 0 and <= MostIdentityLength } ? identity : null);

    /// <summary>One key that was given. Tell once or more what came of it; the first time counts.</summary>
    internal sealed class PresentedKey(AuthenticationGuard guard, ClientAddress address, ulong hash, string? identity)
    {
        private bool _isTold;
        private bool _othersWereWrong;

        /// <summary>After what time to come again, without its having been checked now; null: it may be checked.</summary>
        public async ValueTask<TimeSpan?> WaitAsync()
        {
            if (guard._keys is null || guard._good.ContainsKey(hash))
            {
                return null;
            }

            if (guard._keys.Look(hash) is { IsGranted: false } key)
            {
                return key.Wait;
            }

            if (guard._addresses!.Look(address) is { IsGranted: false } from)
            {
                return from.Wait;
            }

            (_othersWereWrong, var wait) = guard._shared is { } shared ? await shared.LookAsync(address) : default;
            return wait;
        }

        /// <param name="mayDoEverything">Whether there is nothing left to guess for who has it.</param>
        public async ValueTask WasRightAsync(bool mayDoEverything = false)
        {
            if (guard._keys is null || _isTold)
            {
                return;
            }

            _isTold = true;
            if (guard._good.TryAdd(hash, 0) && guard._good.Count > MostGoodKeys)
            {
                guard._good.Clear();
            }

            // A key that opens less must not buy guesses of others.
            if (mayDoEverything && (guard._addresses!.Forget(address) | _othersWereWrong) && guard._shared is { } shared)
            {
                await shared.ForgetAsync(address);
            }
        }

        public async ValueTask WasWrongAsync()
        {
            if (guard._keys is null || _isTold)
            {
                return;
            }

            _isTold = true;
            guard._good.TryRemove(hash, out _);
            if (!guard._keys.Charge(hash))
            {
                return;
            }

            guard._addresses!.Charge(address);
            if (identity is not null)
            {
                if (!guard._identities!.Look(identity).IsGranted)
                {
                    guard._addresses.Block(address);
                }

                guard._identities.Charge(identity);
            }

            if (guard._shared is { } shared)
            {
                await shared.CountAsync(address, hash, identity);
            }
        }
    }
}
