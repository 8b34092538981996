using Microsoft.AspNetCore.Http.Features;
using Relay.Protocol;
using Relay.Server.Agents;
using Relay.Server.Http;
using Relay.Server.Limits;

namespace Relay.Server.Connections;

/// <summary>Makes connections of upgrade requests. It gets what it needs once: a request's own services would live as long as its connection.</summary>
internal sealed class ConnectionAcceptor(ConnectionServices services, Access access)
{
    private const int KeyLength = 24;

    /// <summary>Checks the request and accepts its WebSocket. The connection is then a feature of the request, for who runs it.</summary>
    public async Task<IResult> AcceptAsync(HttpContext context)
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

        // The request lives as long as the connection. The key need not.
        context.Request.Headers.Authorization = default;
        context.Features.Set<PresentedKeys>(null);

        // Pings are messages here, and nothing else needs a timer for each socket.
        var socket = await context.WebSockets.AcceptWebSocketAsync(new WebSocketAcceptContext { KeepAliveInterval = Timeout.InfiniteTimeSpan });
        context.Features.Set(new AgentConnection(socket, context.Features.GetRequiredFeature<FrameStream>(), context.Request, agent, services));
        return Results.Empty;
    }
}
