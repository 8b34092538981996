using Relay.Protocol;
using Relay.Server.Storage;

namespace Relay.Server.Delivery;

/// <summary>
/// When an agent is to be looked after next: what is rare and must not be forgotten, also when a node dies. One entry for each agent and kind,
/// seen by all nodes. Any thread. A call that returns is durable; every call may throw <see cref="StoreUnavailableException"/>.
/// </summary>
internal interface IAgenda
{
    /// <summary>
    /// Answers agents that are due, the longest due first, and moves each to <paramref name="until"/>: no other node takes it meanwhile, and it comes
    /// again if this one dies. Whoever takes one moves it on, or removes it, when it is done.
    /// </summary>
    Task<IReadOnlyList<RelayId>> TakeDueAsync(AgendaKind kind, DateTimeOffset now, DateTimeOffset until, int limit);

    /// <summary>Adds the agent, or moves it.</summary>
    Task SetAsync(AgendaKind kind, RelayId agent, DateTimeOffset at);

    /// <summary>Moves the agent from where it was taken or set to; if somebody has set it since, it stays as they did.</summary>
    Task MoveAsync(AgendaKind kind, RelayId agent, DateTimeOffset from, DateTimeOffset to);

    /// <summary>Removes the agent from where it was taken or set to; if somebody has set it since, it stays.</summary>
    Task RemoveAsync(AgendaKind kind, RelayId agent, DateTimeOffset from);
}

/// <summary>What for. The numbers are kept in stores: none is changed.</summary>
internal enum AgendaKind
{
    /// <summary>Events may have waited longer than their retention.</summary>
    Expiry = 1,

    /// <summary>Events may be due for the agent's HTTP endpoint.</summary>
    HttpFallback = 2,
}
