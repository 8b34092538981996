using Relay.Protocol;

namespace Relay.Server.Tests.Support;

/// <summary>Connects agents that speak the wire's own JSON.</summary>
internal static class RelayHostExtensions
{
    /// <summary>Connects and authenticates with the first frame.</summary>
    public static async Task<TestAgent> ConnectAsync(this RelayHost relay, RegisterResponse agent, int? maxInFlight = null)
    {
        var connected = await relay.OpenAsync();
        await connected.AuthenticateAsync(agent.ApiKey, maxInFlight: maxInFlight);
        return connected;
    }

    /// <summary>Opens a socket and sends nothing.</summary>
    public static Task<TestAgent> OpenAsync(this RelayHost relay, string path = "/api/v1/connect", string? bearer = null) =>
        TestAgent.OpenAsync(new UriBuilder(new Uri(relay.Url, path)) { Scheme = "ws" }.Uri, bearer);
}
