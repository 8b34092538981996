using Relay.Server.Audit;

namespace Relay.Server.Storage.Embedded;

internal sealed class EmbeddedAuditLog(EmbeddedStore store) : IAuditLog
{
    public Task AppendAsync(AuditEntry entry)
    {
        var document = AuditJson.Write(entry);
        return store.Writer.RunAsync(tables =>
        {
            tables.Audit.Append(document, IAuditLog.MostKept);
            return true;
        });
    }

    public async Task<AuditPage> ReadAsync(long? before, int limit) =>
        AuditPage.Of(await store.Writer.RunAsync(tables => tables.Audit.Read(before ?? long.MaxValue, limit + 1)), limit);
}
