namespace Relay.Server.Delivery;

/// <summary>How a connection ended, as far as its deliveries are concerned.</summary>
internal enum PumpEnd
{
    /// <summary>The connection was lost or closed by the agent: what was in flight is tried again.</summary>
    Lost,

    /// <summary>This server ended it, shutting down or because the agent was deactivated or changed: what was in flight is due at once, nothing is counted.</summary>
    Shutdown,

    /// <summary>Another session claimed the agent, and with it what was in flight.</summary>
    Replaced,
}
