using System.Text.Json;
using System.Text.Json.Serialization;

namespace Relay.Server.Delivery;

/// <summary>What becomes of an agent's connection when there is another. The names are kept with agents (snake_case): none is renamed.</summary>
[JsonConverter(typeof(ConnectionModeConverter))]
internal enum ConnectionMode
{
    /// <summary>The newest takes over.</summary>
    Exclusive,

    /// <summary>All serve the agent side by side, on any node.</summary>
    Shared,
}

internal sealed class ConnectionModeConverter() : JsonStringEnumConverter<ConnectionMode>(JsonNamingPolicy.SnakeCaseLower, allowIntegerValues: false);
