using Relay.Protocol;
using Relay.Server.Delivery;

namespace Relay.Server.Storage.Embedded;

internal sealed class EmbeddedAgenda(EmbeddedStore store) : IAgenda
{
    public Task<IReadOnlyList<RelayId>> TakeDueAsync(AgendaKind kind, DateTimeOffset now, DateTimeOffset until, int limit) =>
        store.Writer.RunAsync<IReadOnlyList<RelayId>>(tables =>
        {
            var due = tables.Agenda.Due((int)kind, now.ToUnixTimeMilliseconds(), limit);
            foreach (var agent in due) tables.Agenda.Set((int)kind, agent, until.ToUnixTimeMilliseconds());
            return due;
        });

    public Task SetAsync(AgendaKind kind, RelayId agent, DateTimeOffset at) => store.Writer.RunAsync(tables =>
    {
        tables.Agenda.Set((int)kind, agent, at.ToUnixTimeMilliseconds());
        return true;
    });

    public Task MoveAsync(AgendaKind kind, RelayId agent, DateTimeOffset from, DateTimeOffset to) => store.Writer.RunAsync(tables =>
    {
        tables.Agenda.Move((int)kind, agent, from.ToUnixTimeMilliseconds(), to.ToUnixTimeMilliseconds());
        return true;
    });

    public Task RemoveAsync(AgendaKind kind, RelayId agent, DateTimeOffset from) => store.Writer.RunAsync(tables =>
    {
        tables.Agenda.Remove((int)kind, agent, from.ToUnixTimeMilliseconds());
        return true;
    });
}
