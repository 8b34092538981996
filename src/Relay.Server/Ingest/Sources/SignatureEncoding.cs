using System.Buffers;
using System.Security.Cryptography;

namespace Relay.Server.Ingest.Sources;

/// <summary>How a signature's bytes are written in a header.</summary>
internal enum SignatureEncoding
{
    Hex,
    Base64,
}

internal static class SignatureEncodings
{
    /// <summary>Reads a signature; false for what cannot be one.</summary>
    public static bool TryDecode(this SignatureEncoding encoding, ReadOnlySpan<char> text, out byte[] signature)
    {
        Span<byte> bytes = stackalloc byte[HMACSHA512.HashSizeInBytes];
        var written = 0;
        var decoded = encoding switch
        {
            SignatureEncoding.Hex => Convert.FromHexString(text, bytes, out _, out written) == OperationStatus.Done,
            _ => Convert.TryFromBase64Chars(text, bytes, out written),
        };
        signature = decoded ? bytes[..written].ToArray() : [];
        return decoded;
    }
}
