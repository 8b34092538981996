using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;

namespace Relay.Server.Limits;

/// <summary>Who is counted as one: an IPv4 address, or the /64 of an IPv6 address, which is what one subscriber gets.</summary>
internal readonly record struct ClientAddress(ulong Value)
{
    /// <summary>No /64 in use begins so: multicast.</summary>
    private const ulong IPv4 = 0xffff_ffff_0000_0000;

    /// <param name="address">Null, as in a request that came over no network, is one too.</param>
    public static ClientAddress Of(IPAddress? address)
    {
        Span<byte> bytes = stackalloc byte[16];
        if (address is null || !address.TryWriteBytes(bytes, out var length))
        {
            return default;
        }

        return address.AddressFamily == AddressFamily.InterNetwork ? new ClientAddress(IPv4 | BinaryPrimitives.ReadUInt32BigEndian(bytes[..length]))
            : address.IsIPv4MappedToIPv6 ? new ClientAddress(IPv4 | BinaryPrimitives.ReadUInt32BigEndian(bytes[12..]))
            : new ClientAddress(BinaryPrimitives.ReadUInt64BigEndian(bytes));
    }
}
