using System.Reflection;
using Microsoft.AspNetCore.Http.HttpResults;
using Relay.Protocol;
using Relay.Server.Connections;
using Relay.Server.Operations.Shutdown;
using Relay.Server.Storage;

namespace Relay.Server.Operations.Health;

/// <summary><c>/healthz</c>: the process answers. <c>/readyz</c> and <c>/api/v1/health</c>: it takes webhooks, else 503 and the reason.</summary>
internal static class HealthEndpoints
{
    public static readonly string Version =
        typeof(HealthEndpoints).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion.Split('+')[0] ?? "0";

    public static IServiceCollection AddHealth(this IServiceCollection services) => services.AddSingleton<Readiness>();

    public static void MapHealth(this IEndpointRouteBuilder routes)
    {
        var group = routes.MapGroup("").WithTags("Health");

        // Whoever watches over the process restarts it if they are not answered: no limit, and no question to the store how much there is left of it.
        group.MapGet("/healthz", Alive).DisableRateLimiting().Produces<HealthResponse>();
        group.MapGet("/readyz", ReadyAsync).DisableRateLimiting().Produces<HealthResponse>().Produces<HealthResponse>(StatusCodes.Status503ServiceUnavailable);
        group.MapGet("/api/v1/health", ReadyAsync).Produces<HealthResponse>().Produces<HealthResponse>(StatusCodes.Status503ServiceUnavailable);
    }

    private static JsonHttpResult<HealthResponse> Alive(Readiness readiness) => Answer(readiness.Describe(reason: null));

    private static async Task<JsonHttpResult<HealthResponse>> ReadyAsync(Readiness readiness) => Answer(readiness.Describe(await readiness.CheckAsync()));

    private static JsonHttpResult<HealthResponse> Answer(HealthResponse health) => TypedResults.Json(
        health, ApiJson.Default.HealthResponse, statusCode: health.Reason is null ? StatusCodes.Status200OK : StatusCodes.Status503ServiceUnavailable);
}

/// <summary>
/// Whether this node takes webhooks. Anyone may ask as often as they like, so the store is asked at most once a second, and once
/// for all who ask together. Any thread.
/// </summary>
internal sealed class Readiness(IStoreHealth store, ConnectionRegistry connections, AnnouncedShutdown shutdown, TimeProvider time)
{
    private static readonly TimeSpan MaxAge = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(3);
    private readonly long _started = time.GetTimestamp();
    private readonly Lock _gate = new();
    private Task<string?> _check = Task.FromResult<string?>(null);
    private long _checkedAt;

    public Task<string?> CheckAsync()
    {
        if (shutdown.IsAnnounced)
        {
            return Task.FromResult<string?>("The server is shutting down.");
        }

        lock (_gate)
        {
            if (_checkedAt == 0 || (_check.IsCompleted && time.GetElapsedTime(_checkedAt) > MaxAge))
            {
                _checkedAt = time.GetTimestamp();
                _check = AskAsync();
            }

            return _check;
        }
    }

    /// <summary>A store that hangs is not ready either.</summary>
    private async Task<string?> AskAsync()
    {
        using var limit = new CancellationTokenSource(Limit, time);
        return await store.CheckAsync(limit.Token);
    }

    public HealthResponse Describe(string? reason) => new()
    {
        Status = reason is null ? "healthy" : "unhealthy",
        Version = HealthEndpoints.Version,
        Timestamp = time.GetUtcNow().ToUnixTimeMilliseconds(),
        Uptime = (long)time.GetElapsedTime(_started).TotalSeconds,
        Store = store.Kind,
        ActiveConnections = connections.AuthenticatedCount,
        Reason = reason,
    };
}
