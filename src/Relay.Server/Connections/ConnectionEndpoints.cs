using Microsoft.Extensions.Options;
using Relay.Protocol;

namespace Relay.Server.Connections;

/// <summary><c>GET /api/v1/connect</c>, and <c>/</c> for clients that know only the host: where agents connect.</summary>
internal static class ConnectionEndpoints
{
    /// <summary>For what the server does when they have ended.</summary>
    private static readonly TimeSpan ShutdownMargin = TimeSpan.FromSeconds(15);

    public static IServiceCollection AddAgentConnections(this IServiceCollection services)
    {
        services.AddOptions<ConnectionOptions>().BindConfiguration(ConnectionOptions.Section).ValidateOnStart();
        services.AddSingleton<IValidateOptions<ConnectionOptions>, ConnectionOptionsValidator>();
        services.AddSingleton<ConnectionRegistry>();
        services.AddSingleton<ConnectionSeats>();
        services.AddSingleton<ConnectionServices>();
        services.AddSingleton<ConnectionAcceptor>();
        services.AddSingleton<TimingWheel>();
        services.AddHostedService<ConnectionClock>();
        services.AddSingleton<Presence>();
        services.AddSingleton<IPresence>(static provider => provider.GetRequiredService<Presence>());
        services.AddHostedService(static provider => provider.GetRequiredService<Presence>());
        return services;
    }

    /// <summary>First of all: what came before it would stay for as long as each connection.</summary>
    public static void UseAgentConnections(this WebApplication app)
    {
        // The host would cut short what agents are given to end.
        var host = app.Services.GetRequiredService<IOptions<HostOptions>>().Value;
        var needed = app.Services.GetRequiredService<IOptions<ConnectionOptions>>().Value.EndTimeout + ShutdownMargin;
        host.ShutdownTimeout = host.ShutdownTimeout < needed ? needed : host.ShutdownTimeout;

        app.Use(static next => context => FrameStreams.TryPrepare(context) ? ServeAsync(context, next) : next(context));
        app.UseWebSockets();
    }

    public static void MapAgentConnections(this IEndpointRouteBuilder routes)
    {
        var connect = routes.ServiceProvider.GetRequiredService<ConnectionAcceptor>().AcceptAsync;
        var group = routes.MapGroup("").WithTags("Agents");
        group.MapGet("/api/v1/connect", connect)
            .WithSummary("Upgrades to the WebSocket of an agent.")
            .Produces(StatusCodes.Status101SwitchingProtocols)
            .Produces<ErrorResponse>(StatusCodes.Status400BadRequest)
            .Produces<ErrorResponse>(StatusCodes.Status401Unauthorized)
            .Produces<ErrorResponse>(StatusCodes.Status426UpgradeRequired);
        routes.MapProbe();
        group.MapGet("/", connect).ExcludeFromDescription();
    }

    /// <summary>A connection is served when the pipeline is done with its request, so that one that idles for days holds nothing of it.</summary>
    private static async Task ServeAsync(HttpContext context, RequestDelegate next)
    {
        await next(context);
        if (context.Features.Get<AgentConnection>() is { } connection)
        {
            await connection.RunAsync();
        }
    }
}
