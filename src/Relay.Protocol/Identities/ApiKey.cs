using System.Buffers.Text;
using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;
using System.Text;

namespace Relay.Protocol;

/// <summary>
/// What an agent proves itself with, and the key of <c>signature</c>: <c>sk_</c>, 32 random bytes as base64url, <c>_</c>, 32 hex
/// digits. A secret: it never prints itself.
/// </summary>
public sealed class ApiKey
{
    private const string Prefix = "sk_";
    private const int MaxLength = 256;
    private readonly byte[] _utf8;

    private ApiKey(byte[] utf8) => _utf8 = utf8;

    /// <summary>The key's bytes as they are sent and as they key the HMAC.</summary>
    public ReadOnlySpan<byte> Utf8 => _utf8;

    /// <summary>Makes a key.</summary>
    public static ApiKey New()
    {
        var text = Prefix + Base64Url.EncodeToString(RandomNumberGenerator.GetBytes(32)) + "_" + RandomNumberGenerator.GetHexString(32, lowercase: true);
        return new ApiKey(Encoding.ASCII.GetBytes(text));
    }

    /// <summary>Reads a key: <c>sk_</c> and visible ASCII, at most 256 characters.</summary>
    public static bool TryParse([NotNullWhen(true)] string? text, [NotNullWhen(true)] out ApiKey? key)
    {
        key = null;
        if (text is null || text.Length is < 20 or > MaxLength || !text.StartsWith(Prefix, StringComparison.Ordinal) || text.AsSpan().ContainsAnyExceptInRange('!', '~'))
        {
            return false;
        }

        key = new ApiKey(Encoding.ASCII.GetBytes(text));
        return true;
    }

    /// <summary>SHA-256 of the key, 32 bytes: what is stored for the check, and finds the agent.</summary>
    public byte[] Hash() => SHA256.HashData(_utf8);

    /// <summary>The key in clear text, to be shown once to its owner or sent to the server. Never log it.</summary>
    public string Reveal() => Encoding.ASCII.GetString(_utf8);

    /// <summary>The prefix alone, so that a key that strays into a log says nothing.</summary>
    public override string ToString() => Prefix + "***";
}
