using Relay.Protocol;
using Relay.Server.Storage;

namespace Relay.Server.Agents;

/// <summary>Where a node hears of agents that another one has changed. Only stores that several nodes share have it.</summary>
internal interface IAgentChanges
{
    /// <param name="onChanged">Who has changed; null: any may have, signals were missed.</param>
    /// <returns>Dispose to hear no more.</returns>
    /// <exception cref="StoreUnavailableException">Nobody listens.</exception>
    Task<IAsyncDisposable> SubscribeAsync(Action<RelayId?> onChanged);
}
