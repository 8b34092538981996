using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using Relay.Protocol;
using Relay.Server.Tests.Support;

namespace Relay.Server.Tests.HttpFallback;

/// <summary>A server that may call loopback, and agents with endpoints there.</summary>
internal static class HttpFallbackHost
{
    public static readonly (string Key, string Value) AllowLoopback = ("Relay:HttpFallback:AllowedNetworks:0", "127.0.0.0/8");

    public static Task<RelayHost> StartAsync(string store, bool ownClock = false) => RelayHost.StartAsync(store, ownClock, AllowLoopback);

    /// <summary>With services in the place of others.</summary>
    public static async Task<RelayHost> StartAsync(string store, Action<IServiceCollection> replace) =>
        RelayHost.Start(await StoreSetup.CreateAsync(store), ownClock: true, replace, AllowLoopback);

    /// <param name="relay">The server.</param>
    /// <param name="target">Its endpoint.</param>
    /// <param name="delivery">Its delivery settings, a JSON object.</param>
    public static Task<RegisterResponse> RegisterAsync(this RelayHost relay, EndpointTarget target, string delivery = "{}") =>
        relay.RegisterAsync($$"""{"http_endpoint":{{JsonSerializer.Serialize(target.Url)}},"delivery":{{delivery}}}""");
}
