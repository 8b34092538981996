using Relay.Protocol;
using Relay.Server.Activities;

namespace Relay.Server.Storage.Embedded;

internal sealed class EmbeddedAgentLog(EmbeddedStore store) : IAgentLog
{
    public Task AppendAsync(RelayId agent, IReadOnlyList<ActivityEntry> entries)
    {
        var documents = entries.Select(ActivityJson.Write).ToList();
        return store.Writer.RunAsync(tables =>
        {
            tables.Log.Append(agent, documents, IAgentLog.MostKept);
            return true;
        });
    }

    public async Task<AgentLogPage> ReadAsync(RelayId agent, long? before, int limit) =>
        AgentLogPage.Of(await store.Writer.RunAsync(tables => tables.Log.Read(agent, before ?? long.MaxValue, limit + 1)), limit);
}
