using Relay.Protocol;
using Relay.Server.Connections;

namespace Relay.Server.Storage.Embedded;

/// <summary>There is no other node to tell or to ask.</summary>
internal sealed class EmbeddedPresence : IPresenceStore
{
    public Task AnnounceAsync(RelayId agent, DateTimeOffset now, DateTimeOffset until) => Task.CompletedTask;

    public Task WithdrawAsync(RelayId agent, DateTimeOffset now) => Task.CompletedTask;

    public Task<bool> IsAnnouncedAsync(RelayId agent, DateTimeOffset now) => Task.FromResult(false);
}
