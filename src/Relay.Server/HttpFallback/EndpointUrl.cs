using System.Net;

namespace Relay.Server.HttpFallback;

/// <summary>Checks an agent's <c>http_endpoint</c> as it is given. No fault repeats what was given: its path or query may be a secret.</summary>
internal sealed class EndpointUrl(AddressRule addresses)
{
    private const int MaxLength = 2048;

    /// <returns>A sentence that says what is wrong with it, if something is.</returns>
    public string? FindFault(string text)
    {
        if (text.Length > MaxLength || !Uri.TryCreate(text, UriKind.Absolute, out var url) || url.Host.Length == 0
            || (url.Scheme != Uri.UriSchemeHttps && url.Scheme != Uri.UriSchemeHttp))
        {
            return $"http_endpoint is an https URL of at most {MaxLength} characters.";
        }

        return url switch
        {
            { UserInfo.Length: > 0 } => "http_endpoint must not have a user or password in it. Check X-Relay-Signature instead: it proves who calls.",
            { Fragment.Length: > 0 } => "http_endpoint must not have a fragment.",
            _ => FindAddressFault(url),
        };
    }

    /// <summary>Judges what can be seen at once. A host's name is judged by its addresses, each time that it is called.</summary>
    private string? FindAddressFault(Uri url)
    {
        var isAddress = IPAddress.TryParse(url.IdnHost, out var address);
        if (url.Scheme == Uri.UriSchemeHttp && !(isAddress ? addresses.PermitsPlainly(address!) : addresses.PermitsAnyPlainly))
        {
            return "http_endpoint must be https. http is only for networks in Relay:HttpFallback:AllowedNetworks.";
        }

        return isAddress && !addresses.Permits(address!)
            ? "http_endpoint has an address that is not public. The operator may allow it with Relay:HttpFallback:AllowedNetworks."
            : null;
    }
}
