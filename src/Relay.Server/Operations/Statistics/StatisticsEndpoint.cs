using Relay.Protocol;
using Relay.Server.Admin;
using Relay.Server.Agents;
using Relay.Server.Cluster;
using Relay.Server.Connections;

namespace Relay.Server.Operations.Statistics;

/// <summary><c>GET /api/v1/stats</c>: the whole relay in figures, the same from any node.</summary>
internal static class StatisticsEndpoint
{
    public static IServiceCollection AddStatistics(this IServiceCollection services)
    {
        services.AddSingleton<Statistics>();
        services.AddSingleton<QueueMeter>();
        services.AddSingleton<StatisticsWriter>();
        services.AddHostedService(static provider => provider.GetRequiredService<StatisticsWriter>());
        return services;
    }

    public static void MapStatistics(this IEndpointRouteBuilder routes) =>
        routes.MapGet("/api/v1/stats", ReadAsync)
            .WithTags("Administration")
            .NeedsRole(AdminRole.Viewer)
            .AddEndpointFilter<AdminFilter>()
            .WithSummary("Agents, connections, what waits, events of the last 24 hours and how long they took, of all nodes together.")
            .Produces<StatsResponse>()
            .Produces<ErrorResponse>(StatusCodes.Status401Unauthorized);

    private static async Task<IResult> ReadAsync(
        IStatisticsStore store, StatisticsWriter writer, QueueMeter meter, ClusterMember cluster, ConnectionRegistry connections, TimeProvider time)
    {
        await writer.WriteAsync();
        var hour = StatisticsWriter.HourOf(time.GetUtcNow());
        var counts = await store.SumAsync(hour - IStatisticsStore.HoursKept + 1, hour);
        var queues = await meter.MeasureAsync();
        var nodes = cluster.Nodes(connections.AuthenticatedCount);
        return TypedResults.Json(
            new StatsResponse
            {
                Timestamp = time.GetUtcNow().ToUnixTimeMilliseconds(),
                Nodes = [.. nodes.Select(static node => new NodeStats { Node = node.Node, Connections = node.Connections })],
                Agents = queues.Agents,
                Connections = nodes.Sum(static node => (long)node.Connections),
                Queue = new QueueStats { Events = queues.Events, Bytes = queues.Bytes, Agents = queues.AgentsWithEvents },
                Events24h = new EventStats
                {
                    Accepted = Of(Count.Accepted),
                    Duplicates = Of(Count.Duplicates),
                    QueueFull = Of(Count.QueueFull),
                    Delivered = Of(Count.Delivered),
                    Nacked = Of(Count.Nacked),
                    Retried = Of(Count.Retried),
                    Dead = Of(Count.Dead),
                    Expired = Of(Count.Expired),
                },
                LatencyMs = new LatencyStats
                {
                    P50 = Latencies.Percentile(counts, 0.5),
                    P90 = Latencies.Percentile(counts, 0.9),
                    P99 = Latencies.Percentile(counts, 0.99),
                },
            },
            ApiJson.Default.StatsResponse);

        long Of(Count count) => counts.GetValueOrDefault(Statistics.NameOf(count));
    }
}
