using System.Buffers.Text;
using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Text;

namespace Relay.Server.Admin;

/// <summary>
/// Makes, finds and revokes admin keys. What was found is remembered for a few seconds: for so long another node may go on to take a key that
/// was revoked here. Any thread.
/// </summary>
internal sealed class AdminKeys(IAdminKeyStore store, TimeProvider time)
{
    /// <summary>Keys that may be kept, expired ones too.</summary>
    public const int MostKept = 200;

    private const string Prefix = "adm_";
    private const int KeyBytes = 32;
    private static readonly int KeyLength = Prefix.Length + Base64Url.GetEncodedLength(KeyBytes);
    private static readonly TimeSpan RememberedFor = TimeSpan.FromSeconds(3);

    private readonly Lock _gate = new();

    /// <summary>Keys that are there, by hash in hex, with the timestamp: no more than are kept.</summary>
    private readonly ConcurrentDictionary<string, (AdminKeyRecord Key, long FoundAt)> _remembered = new();

    private long _forgotten;

    /// <summary>Makes a key, in clear text this once.</summary>
    /// <returns>Null: too many are kept.</returns>
    public async Task<(AdminKeyRecord Record, string Key)?> AddAsync(string name, AdminRole role, long? expiresAt)
    {
        if ((await store.ListAsync()).Count >= MostKept)
        {
            return null;
        }

        var key = Prefix + Base64Url.EncodeToString(RandomNumberGenerator.GetBytes(KeyBytes));
        var record = new AdminKeyRecord
        {
            Id = "key_" + RandomNumberGenerator.GetHexString(16, lowercase: true),
            Name = name,
            Role = role,
            KeyHash = Hash(key),
            CreatedAt = time.GetUtcNow().ToUnixTimeMilliseconds(),
            ExpiresAt = expiresAt,
        };
        await store.AddAsync(record);
        return (record, key);
    }

    /// <returns>Null for a key that opens nothing.</returns>
    public ValueTask<AdminKeyRecord?> FindAsync(string key) =>
        key.Length == KeyLength && key.StartsWith(Prefix, StringComparison.Ordinal) ? FindAsync(Hash(key)) : default;

    /// <inheritdoc cref="FindAsync(string)"/>
    /// <param name="keyHash">SHA-256 of the key.</param>
    public async ValueTask<AdminKeyRecord?> FindAsync(byte[] keyHash)
    {
        var now = time.GetUtcNow();
        var found = _remembered.TryGetValue(Convert.ToHexString(keyHash), out var remembered) && time.GetElapsedTime(remembered.FoundAt) < RememberedFor
            ? remembered.Key
            : await LoadAsync(keyHash);
        return found is not null && CryptographicOperations.FixedTimeEquals(found.KeyHash, keyHash) && !(found.ExpiresAt <= now.ToUnixTimeMilliseconds())
            ? found
            : null;
    }

    /// <summary>In the order in which they were made.</summary>
    public async Task<IReadOnlyList<AdminKeyRecord>> ListAsync() =>
        [.. (await store.ListAsync()).OrderBy(static key => key.CreatedAt).ThenBy(static key => key.Id, StringComparer.Ordinal)];

    /// <returns>False for an unknown id.</returns>
    public async Task<bool> RevokeAsync(string id)
    {
        if ((await store.ListAsync()).FirstOrDefault(key => key.Id == id) is not { } found)
        {
            return false;
        }

        try
        {
            return await store.RemoveAsync(found.KeyHash);
        }
        finally
        {
            // Also when the outcome is unknown.
            lock (_gate)
            {
                _forgotten++;
                _remembered.TryRemove(Convert.ToHexString(found.KeyHash), out _);
            }
        }
    }

    private async Task<AdminKeyRecord?> LoadAsync(byte[] keyHash)
    {
        var began = time.GetTimestamp();
        var forgotten = Volatile.Read(ref _forgotten);
        var found = await store.FindAsync(keyHash);
        lock (_gate)
        {
            if (found is null)
            {
                _remembered.TryRemove(Convert.ToHexString(keyHash), out _);
            }
            else if (forgotten == _forgotten)
            {
                // Otherwise what was revoked meanwhile may be this very key, read before.
                _remembered[Convert.ToHexString(keyHash)] = (found, began);
            }
        }

        return found;
    }

    private static byte[] Hash(string key) => SHA256.HashData(Encoding.UTF8.GetBytes(key));
}
