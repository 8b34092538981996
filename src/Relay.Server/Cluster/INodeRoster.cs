using Relay.Server.Storage;

namespace Relay.Server.Cluster;

/// <summary>
/// Where nodes tell each other that they are there. Every call may throw <see cref="StoreUnavailableException"/>. Any thread.
/// </summary>
internal interface INodeRoster
{
    /// <summary>This node is there, and that is believed until then.</summary>
    /// <param name="connections">How many agents' connections it has.</param>
    /// <param name="now">By this node's clock.</param>
    /// <param name="until">When the others are to forget it, if it says nothing more.</param>
    /// <returns>All that are there, this one among them.</returns>
    Task<IReadOnlyList<NodeReport>> ReportAsync(int connections, DateTimeOffset now, DateTimeOffset until);

    /// <summary>This node goes.</summary>
    Task LeaveAsync();
}

/// <param name="Node">Its name.</param>
/// <param name="Connections">How many agents' connections it had when it last said so.</param>
internal sealed record NodeReport(string Node, int Connections);
