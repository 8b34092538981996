using System.Buffers.Binary;

namespace Relay.Server.Storage.Embedded.Batches;

/// <summary>One event of a batch; what all of a batch have in common is not in it.</summary>
/// <param name="Seq">Its place in the order in which its queue accepted.</param>
/// <param name="Due">When the lease ends that it was accepted with; 0: it became ready.</param>
internal readonly record struct BatchedEvent(EventId Id, long Seq, long AcceptedAt, long Due, int HeadBytes, int BodyBytes)
{
    /// <summary>Of the written form: big-endian, in the order of the fields.</summary>
    public const int Length = EventId.ByteLength + (3 * sizeof(long)) + (2 * sizeof(int));

    public int SizeBytes => HeadBytes + BodyBytes;

    public static BatchedEvent Read(ReadOnlySpan<byte> from) => new(
        EventId.FromBytes(from[..EventId.ByteLength]),
        BinaryPrimitives.ReadInt64BigEndian(from[EventId.ByteLength..]),
        BinaryPrimitives.ReadInt64BigEndian(from[(EventId.ByteLength + 8)..]),
        BinaryPrimitives.ReadInt64BigEndian(from[(EventId.ByteLength + 16)..]),
        BinaryPrimitives.ReadInt32BigEndian(from[(EventId.ByteLength + 24)..]),
        BinaryPrimitives.ReadInt32BigEndian(from[(EventId.ByteLength + 28)..]));

    public void Write(Span<byte> to)
    {
        Id.ToBytes().CopyTo(to);
        BinaryPrimitives.WriteInt64BigEndian(to[EventId.ByteLength..], Seq);
        BinaryPrimitives.WriteInt64BigEndian(to[(EventId.ByteLength + 8)..], AcceptedAt);
        BinaryPrimitives.WriteInt64BigEndian(to[(EventId.ByteLength + 16)..], Due);
        BinaryPrimitives.WriteInt32BigEndian(to[(EventId.ByteLength + 24)..], HeadBytes);
        BinaryPrimitives.WriteInt32BigEndian(to[(EventId.ByteLength + 28)..], BodyBytes);
    }
}
