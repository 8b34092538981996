using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.Options;

namespace Relay.Server.HttpFallback;

/// <summary>
/// Which addresses an agent's endpoint may have: public ones, and those of the networks that the operator allowed. What the registries of
/// special-purpose addresses (RFC 6890, IANA) do not call globally reachable is not public. Any thread.
/// </summary>
internal sealed class AddressRule(IOptions<HttpFallbackOptions> options)
{
    private static readonly IPNetwork[] NotPublicV4 =
    [
        IPNetwork.Parse("0.0.0.0/8"), // this network, unspecified
        IPNetwork.Parse("10.0.0.0/8"), // private
        IPNetwork.Parse("100.64.0.0/10"), // shared by carriers' NAT
        IPNetwork.Parse("127.0.0.0/8"), // loopback
        IPNetwork.Parse("169.254.0.0/16"), // link-local, clouds' metadata
        IPNetwork.Parse("172.16.0.0/12"), // private
        IPNetwork.Parse("192.0.0.0/24"), // protocol assignments
        IPNetwork.Parse("192.0.2.0/24"), // documentation
        IPNetwork.Parse("192.31.196.0/24"), // AS112
        IPNetwork.Parse("192.52.193.0/24"), // AMT
        IPNetwork.Parse("192.88.99.0/24"), // 6to4 relays
        IPNetwork.Parse("192.168.0.0/16"), // private
        IPNetwork.Parse("192.175.48.0/24"), // AS112
        IPNetwork.Parse("198.18.0.0/15"), // benchmarks
        IPNetwork.Parse("198.51.100.0/24"), // documentation
        IPNetwork.Parse("203.0.113.0/24"), // documentation
        IPNetwork.Parse("224.0.0.0/4"), // multicast
        IPNetwork.Parse("240.0.0.0/4"), // reserved, broadcast
        IPNetwork.Parse("168.63.129.16/32"), // public by its number, inside every Azure machine its platform
    ];

    /// <summary>All other IPv6 is loopback, unique-local, link-local, multicast, an embedded IPv4 address, or not assigned.</summary>
    private static readonly IPNetwork GlobalV6 = IPNetwork.Parse("2000::/3");

    private static readonly IPNetwork[] NotPublicV6 =
    [
        IPNetwork.Parse("2001::/23"), // protocol assignments, Teredo, benchmarks, ORCHID
        IPNetwork.Parse("2001:db8::/32"), // documentation
        IPNetwork.Parse("2002::/16"), // 6to4
        IPNetwork.Parse("2620:4f:8000::/48"), // AS112
        IPNetwork.Parse("3fff::/20"), // documentation
    ];

    /// <summary>NAT64 (RFC 6052): an IPv4 address in the last 32 bits, reached through the network's own translator.</summary>
    private static readonly IPNetwork Nat64 = IPNetwork.Parse("64:ff9b::/96");

    private readonly IPNetwork[] _allowed = [.. options.Value.AllowedNetworks.Select(IPNetwork.Parse)];

    /// <summary>Whether the operator allowed any address to be called without TLS.</summary>
    public bool PermitsAnyPlainly => _allowed.Length > 0;

    /// <summary>Whether it is public, or the operator allowed it.</summary>
    public bool Permits(IPAddress address)
    {
        var meant = Meant(address);
        return IsPublic(meant) || IsIn(_allowed, meant);
    }

    /// <summary>Whether the operator allowed it: only then without TLS.</summary>
    public bool PermitsPlainly(IPAddress address) => IsIn(_allowed, Meant(address));

    private static bool IsPublic(IPAddress address) => address.AddressFamily switch
    {
        AddressFamily.InterNetwork => !IsIn(NotPublicV4, address),
        AddressFamily.InterNetworkV6 => GlobalV6.Contains(address) && !IsIn(NotPublicV6, address),
        _ => false,
    };

    /// <summary>Where packets to the address go: mapped and translated IPv4 addresses are judged as what they stand for.</summary>
    private static IPAddress Meant(IPAddress address) =>
        address.IsIPv4MappedToIPv6 ? address.MapToIPv4()
        : address.AddressFamily == AddressFamily.InterNetworkV6 && Nat64.Contains(address) ? new IPAddress(address.GetAddressBytes().AsSpan(12))
        : address;

    private static bool IsIn(IPNetwork[] networks, IPAddress address) => Array.Exists(networks, network => network.Contains(address));
}
