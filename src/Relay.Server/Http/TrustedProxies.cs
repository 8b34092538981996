using System.Net;
using Microsoft.Extensions.Options;

namespace Relay.Server.Http;

/// <summary>Who may say for whom a request is. Any thread.</summary>
internal sealed class TrustedProxies(IOptions<HttpOptions> options)
{
    private readonly IPNetwork[] _networks = [.. options.Value.TrustedProxies.Select(static text => TryParse(text)!.Value)];

    public bool Any => _networks.Length > 0;

    public IEnumerable<IPNetwork> Networks => _networks;

    public bool Contains(IPAddress? address)
    {
        if (_networks.Length == 0 || address is null)
        {
            return false;
        }

        var plain = address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address;
        return _networks.Any(network => network.Contains(plain));
    }

    /// <returns>Null for what is neither a network nor an address.</returns>
    public static IPNetwork? TryParse(string text) =>
        IPNetwork.TryParse(text, out var network) ? network
        : IPAddress.TryParse(text, out var address) ? new IPNetwork(address, address.GetAddressBytes().Length * 8)
        : null;
}
