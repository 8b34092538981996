using System.Net;
using StackExchange.Redis;

namespace Relay.Server.Storage.Redis;

/// <summary>The servers behind a multiplexer, and whether they serve. Any thread.</summary>
internal static class RedisServers
{
    public static IServer[] Of(ConnectionMultiplexer multiplexer) =>
        Array.ConvertAll(multiplexer.GetEndPoints(), endpoint => multiplexer.GetServer(endpoint));

    public static bool IsCluster(ConnectionMultiplexer multiplexer) =>
        Of(multiplexer).Any(static server => server is { IsConnected: true, ServerType: ServerType.Cluster });

    /// <summary>Whether it said so when it was connected to; of a cluster, always.</summary>
    public static bool IsPrimary(ConnectionMultiplexer multiplexer) => IsCluster(multiplexer) || Array.Exists(Of(multiplexer), static server => !server.IsSlave);

    /// <summary>Asks each server that has something to serve, and one for signals.</summary>
    public static async Task<Service> ProbeAsync(ConnectionMultiplexer multiplexer, TimeSpan limit, CancellationToken cancellationToken)
    {
        var primaries = PrimariesOf(multiplexer);
        var signals = AnswersAsync(() => multiplexer.GetSubscriber().PingAsync());
        var answers = await Task.WhenAll(primaries.Select(server => AnswersAsync(() => server.PingAsync())));
        var hears = await signals;
        return Array.TrueForAll(answers, static answers => answers) ? hears ? Service.Whole : Service.Deaf : answers.Contains(true) ? Service.Partial : Service.None;

        async Task<bool> AnswersAsync(Func<Task> ping)
        {
            try
            {
                await ping().WaitAsync(limit, cancellationToken);
                return true;
            }
            catch (Exception error) when (error is RedisException or TimeoutException or ObjectDisposedException)
            {
                return RedisErrors.IsAnswer(error); // A full disk, say, makes it refuse even a PING: another connection would not help.
            }
        }
    }

    /// <summary>In a cluster those to which the client sends what has a slot; else the one server, whatever it is now.</summary>
    private static IServer[] PrimariesOf(ConnectionMultiplexer multiplexer)
    {
        var servers = Of(multiplexer);
        var nodes = Array.Find(servers, static server => server is { IsConnected: true, ClusterConfiguration: not null })?.ClusterConfiguration?.Nodes;
        if (nodes is null)
        {
            return servers;
        }

        HashSet<EndPoint> serving = [.. nodes.Where(static node => !node.IsSlave && node.Slots.Count > 0).Select(static node => node.EndPoint)];
        return Array.FindAll(servers, server => serving.Contains(server.EndPoint));
    }
}

internal enum Service
{
    /// <summary>Nobody answers.</summary>
    None,

    /// <summary>Some primaries of a cluster answer.</summary>
    Partial,

    /// <summary>All answer, but no signal comes: those have a connection of their own.</summary>
    Deaf,

    /// <summary>All answer, and signals come.</summary>
    Whole,
}
