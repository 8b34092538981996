using Microsoft.Extensions.Options;
using Relay.Server.Connections;
using Relay.Server.Operations;
using Relay.Server.Storage;

namespace Relay.Server.Cluster;

/// <summary>Tells the other nodes of this one, and sends agents to them when this one has far more than its share.</summary>
internal sealed partial class ClusterMember(
    NodeIdentity node, INodeRoster roster, ConnectionRegistry connections, IOptions<ClusterOptions> options, TimeProvider time, ILogger<ClusterMember> logger) : BackgroundService
{
    /// <summary>A node that said nothing for so many reports is gone.</summary>
    private const int MissedReports = 4;

    private readonly Balance _balance = new();
    private bool _isFailing;

    private IReadOnlyList<NodeReport> _nodes = [];

    /// <summary>All nodes, the others as they last reported.</summary>
    /// <param name="own">How many connections this one has now.</param>
    public IReadOnlyList<NodeReport> Nodes(int own) => [new NodeReport(node.Name, own), .. _nodes.Where(other => other.Node != node.Name)];

    public override async Task StopAsync(CancellationToken cancellationToken)
    {
        await base.StopAsync(cancellationToken);
        try
        {
            await roster.LeaveAsync();
        }
        catch (StoreUnavailableException)
        {
            // The others forget it soon.
        }
    }

    protected override Task ExecuteAsync(CancellationToken stoppingToken) => time.RepeatAsync(options.Value.ReportInterval, ReportAsync, stoppingToken, atOnce: true);

    private async Task ReportAsync()
    {
        try
        {
            var (own, now) = (connections.AuthenticatedCount, time.GetUtcNow());
            var nodes = _nodes = await roster.ReportAsync(own, now, now + (options.Value.ReportInterval * MissedReports));
            _isFailing = false;
            if (options.Value.Rebalance && _balance.Next(own, nodes) is > 0 and var tooMany)
            {
                Rebalancing(logger, tooMany, own, nodes.Count);
                connections.MoveElsewhere(tooMany);
            }
        }
        catch (Exception exception)
        {
            if (!_isFailing)
            {
                NotReported(logger, exception is StoreUnavailableException ? exception.Message : exception.ToString());
            }

            _isFailing = true;
        }
    }

    [LoggerMessage(1901, LogLevel.Information, "{Count} of {Own} agents are asked to connect again, so that the {Nodes} nodes share them")]
    private static partial void Rebalancing(ILogger logger, int count, int own, int nodes);

    [LoggerMessage(1902, LogLevel.Information, "Other nodes could not be told of this one; it is tried again: {Cause}")]
    private static partial void NotReported(ILogger logger, string cause);
}
