using Relay.Server.Ingest.Sources;

namespace Relay.Server.Tests.Ingest.Sources;

public sealed class TwilioUrlTests
{
    [Theory]
    [InlineData("https://h/p?q=a:b", "https://h/p?q=a:b", "https://h:443/p?q=a:b")]
    [InlineData("http://h/p", "http://h/p", "http://h:80/p")]
    [InlineData("https://h:8443/p", "https://h/p", "https://h:8443/p")]
    [InlineData("https://h", "https://h", "https://h:443")]
    [InlineData("https://h:1?q", "https://h?q", "https://h:1?q")]
    [InlineData("https://[::1]/p", "https://[::1]/p", "https://[::1]:443/p")]
    [InlineData("https://[::1]:8443/p", "https://[::1]/p", "https://[::1]:8443/p")]
    public void A_port_is_left_out_and_named(string url, string without, string with) =>
        Assert.Equal((without, with), TwilioUrl.WithoutAndWithPort(url));
}
