using Relay.Server.Cluster;

namespace Relay.Server.Storage.Embedded;

/// <summary>One process at a time has the file.</summary>
internal sealed class EmbeddedNodeRoster(NodeIdentity node) : INodeRoster
{
    public Task<IReadOnlyList<NodeReport>> ReportAsync(int connections, DateTimeOffset now, DateTimeOffset until) =>
        Task.FromResult<IReadOnlyList<NodeReport>>([new NodeReport(node.Name, connections)]);

    public Task LeaveAsync() => Task.CompletedTask;
}
