using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;

namespace Relay.Server.Agents;

/// <summary>
/// Encrypts secrets at rest: AES-256-GCM, written <c>v1.{key id}.{base64url of nonce, ciphertext, tag}</c>. The first key seals, all open.
/// What a secret is and whose it is (<c>purpose</c>) is authenticated with it, so that a stolen ciphertext cannot be moved. Any thread.
/// </summary>
internal sealed class SecretBox
{
    private const int NonceBytes = 12;
    private const int TagBytes = 16;
    private readonly (string Id, byte[] Key)[] _keys;

    /// <param name="keys">One or more of 32 bytes.</param>
    public SecretBox(IEnumerable<byte[]> keys)
    {
        _keys = [.. keys.Select(key => (Convert.ToHexStringLower(SHA256.HashData(key).AsSpan(0, 4)), key))];
        if (_keys.Length == 0 || _keys.Any(key => key.Key.Length != 32))
        {
            throw new ArgumentException("Encryption needs at least one key, each of 32 bytes.", nameof(keys));
        }
    }

    public string Seal(string secret, string purpose)
    {
        var (id, key) = _keys[0];
        var plain = Encoding.UTF8.GetBytes(secret);
        var box = new byte[NonceBytes + plain.Length + TagBytes];
        RandomNumberGenerator.Fill(box.AsSpan(0, NonceBytes));
        using var aes = new AesGcm(key, TagBytes);
        aes.Encrypt(box.AsSpan(0, NonceBytes), plain, box.AsSpan(NonceBytes, plain.Length), box.AsSpan(NonceBytes + plain.Length), Encoding.UTF8.GetBytes(purpose));
        CryptographicOperations.ZeroMemory(plain);
        return $"v1.{id}.{Base64Url.EncodeToString(box)}";
    }

    /// <summary>The secret sealed with the first key: the same text, if that sealed it.</summary>
    /// <exception cref="CryptographicException">No configured key opens it, or it was altered.</exception>
    public string Reseal(string @sealed, string purpose) =>
        @sealed.StartsWith($"v1.{_keys[0].Id}.", StringComparison.Ordinal) ? @sealed : Seal(Open(@sealed, purpose), purpose);

    /// <exception cref="CryptographicException">No configured key opens it, or it was altered.</exception>
    public string Open(string @sealed, string purpose)
    {
        var parts = @sealed.Split('.');
        if (parts is not ["v1", var id, var encoded])
        {
            throw new CryptographicException("A sealed secret has an unknown form.");
        }

        var key = Array.Find(_keys, candidate => candidate.Id == id).Key
            ?? throw new CryptographicException($"A secret was encrypted with key '{id}', which is not configured. Add it to Relay:Encryption:Keys after the first one.");
        var box = Base64Url.DecodeFromChars(encoded);
        if (box.Length < NonceBytes + TagBytes)
        {
            throw new CryptographicException("A sealed secret is too short.");
        }

        var plain = new byte[box.Length - NonceBytes - TagBytes];
        using var aes = new AesGcm(key, TagBytes);
        aes.Decrypt(box.AsSpan(0, NonceBytes), box.AsSpan(NonceBytes, plain.Length), box.AsSpan(box.Length - TagBytes), plain, Encoding.UTF8.GetBytes(purpose));
        return Encoding.UTF8.GetString(plain);
    }
}
