using System.Buffers.Binary;
using System.Text;

namespace Relay.Server.Storage.Embedded.Batches;

/// <summary>The lease of a batch whose events became ready and were handed out together.</summary>
/// <param name="Session">To whom.</param>
/// <param name="At">Since when, Unix ms.</param>
/// <param name="Until">When it ends.</param>
internal sealed record BatchLease(string Session, long At, long Until)
{
    public static BatchLease Read(ReadOnlySpan<byte> written) => new(
        Encoding.ASCII.GetString(written[(2 * sizeof(long))..]),
        BinaryPrimitives.ReadInt64BigEndian(written),
        BinaryPrimitives.ReadInt64BigEndian(written[sizeof(long)..]));

    /// <summary>Both times, big-endian, and the session's name.</summary>
    public byte[] Write()
    {
        var written = new byte[(2 * sizeof(long)) + Encoding.ASCII.GetByteCount(Session)];
        BinaryPrimitives.WriteInt64BigEndian(written, At);
        BinaryPrimitives.WriteInt64BigEndian(written.AsSpan(sizeof(long)), Until);
        Encoding.ASCII.GetBytes(Session, written.AsSpan(2 * sizeof(long)));
        return written;
    }
}
