using Relay.Protocol;

namespace Relay.Client.Tests;

public sealed class OptionsTests
{
    [Fact]
    public void All_faults_are_told_together_with_their_names()
    {
        var fault = Assert.Throws<ArgumentException>(() => new RelayClient(new RelayClientOptions
        {
            RelayId = "x",
            SigningSecret = "y",
            MaxInFlight = 0,
            Concurrency = 2000,
            AckTimeout = TimeSpan.Zero,
            HeartbeatInterval = TimeSpan.Zero,
            ConnectTimeout = TimeSpan.FromDays(2),
            ReconnectBaseDelay = TimeSpan.Zero,
            MaxReconnectDelay = TimeSpan.Zero,
            MaxReconnectAttempts = -1,
            MaxFrameBytes = 1,
            DrainTimeout = TimeSpan.FromSeconds(-1),
            TimeProvider = null!,
        }));

        string[] names =
        [
            "Url", "ApiKey", "RelayId", "SigningSecret", "MaxInFlight", "Concurrency", "AckTimeout", "HeartbeatInterval", "ConnectTimeout",
            "ReconnectBaseDelay", "MaxReconnectDelay", "MaxReconnectAttempts", "MaxFrameBytes", "DrainTimeout", "TimeProvider",
        ];
        Assert.All(names, name => Assert.Contains(name + " is", fault.Message, StringComparison.Ordinal));
    }

    [Fact]
    public void Secrets_are_never_shown()
    {
        var options = new RelayClientOptions
        {
            Url = "https://user:topsecret@relay.test",
            ApiKey = "sk_topsecret topsecret topsecret",
            SigningSecret = "whsec_topsecret",
        };

        var fault = Assert.Throws<ArgumentException>(() => new RelayClient(options));

        Assert.Contains("Url", fault.Message, StringComparison.Ordinal);
        Assert.Contains("ApiKey", fault.Message, StringComparison.Ordinal);
        Assert.Contains("SigningSecret", fault.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("topsecret", fault + options.ToString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("http://localhost:8080", "ws://localhost:8080/api/v1/connect")]
    [InlineData("http://localhost", "ws://localhost/api/v1/connect")]
    [InlineData("https://relay.test/", "wss://relay.test/api/v1/connect")]
    [InlineData("wss://relay.test", "wss://relay.test/api/v1/connect")]
    [InlineData("ws://relay.test:81/some/where?x=1", "ws://relay.test:81/some/where?x=1")]
    [InlineData("https://relay.test:443", "wss://relay.test/api/v1/connect")]
    [InlineData("relay.test", "wss://relay.test/api/v1/connect")]
    [InlineData("localhost:8080", "ws://localhost:8080/api/v1/connect")]
    public void Url_is_understood(string url, string endpoint)
    {
        var settings = ClientSettings.From(new RelayClientOptions { Url = url, ApiKey = ApiKey.New().Reveal() });

        Assert.Equal(endpoint, settings.Endpoint.AbsoluteUri);
    }

    [Theory]
    [InlineData("ftp://relay.test")]
    [InlineData("https://")]
    [InlineData("https://relay.test/#fragment")]
    [InlineData("not a url")]
    public void Url_that_is_none_is_refused(string url) =>
        Assert.Throws<ArgumentException>(() => ClientSettings.From(new RelayClientOptions { Url = url, ApiKey = ApiKey.New().Reveal() }));

    [Fact]
    public void Window_below_the_concurrency_is_refused() =>
        Assert.Contains(
            "Concurrency",
            Assert.Throws<ArgumentException>(() => ClientSettings.From(new RelayClientOptions
            {
                Url = "https://relay.test",
                ApiKey = ApiKey.New().Reveal(),
                Concurrency = 4,
                MaxInFlight = 2,
            })).Message,
            StringComparison.Ordinal);

    [Fact]
    public void Later_changes_to_the_options_are_not_seen()
    {
        var options = new RelayClientOptions { Url = "https://relay.test", ApiKey = ApiKey.New().Reveal(), MaxInFlight = 5 };
        var settings = ClientSettings.From(options);

        options.MaxInFlight = 6;

        Assert.Equal(5, settings.Window);
    }
}
