using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Options;
using Relay.Protocol;
using Relay.Server.Activities;
using Relay.Server.Agents;
using Relay.Server.Delivery;
using Relay.Server.Http;
using Relay.Server.Limits;

namespace Relay.Server.Connections;

/// <summary><c>GET /api/v1/connect</c>, and <c>/</c> for clients that know only the host: where agents connect.</summary>
internal static class ConnectionEndpoints
{
    private const int KeyLength = 24;

    public static IServiceCollection AddAgentConnections(this IServiceCollection services)
    {
        services.AddOptions<ConnectionOptions>().BindConfiguration(ConnectionOptions.Section).ValidateOnStart();
        services.AddSingleton<IValidateOptions<ConnectionOptions>, ConnectionOptionsValidator>();
        services.AddSingleton<ConnectionRegistry>();
        services.AddSingleton<ConnectionSeats>();
        services.AddSingleton<ConnectionServices>();
        services.AddHostedService<ConnectionClock>();
        services.AddSingleton<Presence>();
        services.AddSingleton<IPresence>(static provider => provider.GetRequiredService<Presence>());
        services.AddHostedService(static provider => provider.GetRequiredService<Presence>());
        return services;
    }

    public static void UseAgentConnections(this WebApplication app)
    {
        app.UseFrameStreams();
        app.UseWebSockets();
    }

    public static void MapAgentConnections(this IEndpointRouteBuilder routes)
    {
        var group = routes.MapGroup("").WithTags("Agents");
        group.MapGet("/api/v1/connect", ConnectAsync)
            .WithSummary("Upgrades to the WebSocket of an agent.")
            .Produces(StatusCodes.Status101SwitchingProtocols)
            .Produces<ErrorResponse>(StatusCodes.Status400BadRequest)
            .Produces<ErrorResponse>(StatusCodes.Status401Unauthorized)
            .Produces<ErrorResponse>(StatusCodes.Status426UpgradeRequired);
        routes.MapProbe();
        group.MapGet("/", ConnectAsync).ExcludeFromDescription();
    }

    private static async Task<IResult> ConnectAsync(HttpContext context, ConnectionServices services, Access access)
    {
        if (!context.WebSockets.IsWebSocketRequest)
        {
            context.Response.Headers.Upgrade = "websocket";
            return new ErrorResult(
                StatusCodes.Status426UpgradeRequired, ErrorCodes.UpgradeRequired, "Agents connect here by WebSocket. Senders post to /api/v1/webhook/{relay_id}.");
        }

        // RFC 6455 §4.1: 16 bytes. The framework takes base64 with spaces in it too, and then has no room for them.
        if (context.Request.Headers.SecWebSocketKey is not [{ Length: KeyLength }])
        {
            return Failures.Invalid("Sec-WebSocket-Key is the base64 of 16 bytes.");
        }

        if (services.Lifetime.ApplicationStopping.IsCancellationRequested)
        {
            return Failures.ShuttingDown();
        }

        var agent = await access.FindAgentAsync(context.Request);
        if (agent is null && context.Request.Headers.Authorization.Count > 0)
        {
            context.Response.Headers.WWWAuthenticate = "Bearer";
            return new ErrorResult(
                StatusCodes.Status401Unauthorized, ErrorCodes.InvalidApiKey, "The api key in the Authorization header is malformed, wrong or revoked. Check it, or register again.");
        }

        await using var seat = await services.Seats.TakeAsync(ClientAddress.Of(context.Connection.RemoteIpAddress), isAuthenticated: agent is not null);

        // Pings are messages here, and nothing else needs a timer for each socket.
        var socket = await context.WebSockets.AcceptWebSocketAsync(new WebSocketAcceptContext { KeepAliveInterval = Timeout.InfiniteTimeSpan });
        var connection = new AgentConnection(socket, context.Features.GetRequiredFeature<FrameStream>(), context.Request, agent, services);
        agent = null; // This method lasts as long as the connection, which has another before long.
        try
        {
            await connection.RunAsync(seat, context.RequestAborted);
        }
        finally
        {
            if (!connection.IsFaulted)
            {
                socket.Dispose();
            }
        }

        return Results.Empty;
    }
}

/// <summary>What every connection needs.</summary>
internal sealed record ConnectionServices(
    AgentDirectory Agents,
    KeyUsage KeyUsage,
    ConnectionRegistry Registry,
    ConnectionSeats Seats,
    AuthenticationGuard Guard,
    DeliveryPumpServices Pump,
    WebhookUrls Urls,
    ActivityHub Activities,
    AuthFailures AuthFailures,
    IOptions<ConnectionOptions> Options,
    IHostApplicationLifetime Lifetime,
    TimeProvider Time,
    ILogger<AgentConnection> Logger);
