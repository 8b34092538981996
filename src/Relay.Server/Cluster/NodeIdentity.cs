using System.Security.Cryptography;

namespace Relay.Server.Cluster;

/// <summary>What this process is called among the nodes that share one store; a new name at each start.</summary>
internal sealed class NodeIdentity
{
    /// <summary><c>node_</c> and 16 hexadecimal digits.</summary>
    public string Name { get; } = "node_" + RandomNumberGenerator.GetHexString(16, lowercase: true);
}
