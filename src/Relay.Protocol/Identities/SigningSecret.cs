using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;

namespace Relay.Protocol;

/// <summary>
/// The key of <c>standard_signature</c>: <c>whsec_</c> and base64, as Standard Webhooks has it
/// (github.com/standard-webhooks/standard-webhooks). A secret: it never prints itself.
/// </summary>
public sealed class SigningSecret
{
    private const string Prefix = "whsec_";
    private readonly byte[] _key;

    private SigningSecret(byte[] key) => _key = key;

    /// <summary>The decoded key of the HMAC.</summary>
    public ReadOnlySpan<byte> Key => _key;

    /// <summary>Makes a secret of 32 random bytes.</summary>
    public static SigningSecret New() => new(RandomNumberGenerator.GetBytes(32));

    /// <summary>Reads a secret of 16 to 64 bytes, with or without its prefix.</summary>
    public static bool TryParse([NotNullWhen(true)] string? text, [NotNullWhen(true)] out SigningSecret? secret)
    {
        secret = null;
        if (text is null || text.Length > 256)
        {
            return false;
        }

        var encoded = text.StartsWith(Prefix, StringComparison.Ordinal) ? text.AsSpan(Prefix.Length) : text;
        Span<byte> key = stackalloc byte[192];
        if (!Convert.TryFromBase64Chars(encoded, key, out var written) || written is < 16 or > 64)
        {
            return false;
        }

        secret = new SigningSecret(key[..written].ToArray());
        return true;
    }

    /// <summary>The secret in clear text, to be shown once to its owner. Never log it.</summary>
    public string Reveal() => Prefix + Convert.ToBase64String(_key);

    /// <summary>The prefix alone, so that a secret that strays into a log says nothing.</summary>
    public override string ToString() => Prefix + "***";
}
