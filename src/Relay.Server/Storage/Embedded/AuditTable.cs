using Relay.Server.Audit;

namespace Relay.Server.Storage.Embedded;

/// <summary>The audit log: an entry a row, in the order in which they came, the newest of them numbered without a gap.</summary>
internal sealed class AuditTable(SqliteDatabase database)
{
    private readonly SqliteStatement _insert = database.Prepare("INSERT INTO audit(entry) VALUES(?1)");
    private readonly SqliteStatement _trim = database.Prepare("DELETE FROM audit WHERE seq <= (SELECT MAX(seq) FROM audit) - ?1");
    private readonly SqliteStatement _read = database.Prepare("SELECT seq, entry FROM audit WHERE seq < ?1 ORDER BY seq DESC LIMIT ?2");

    public void Append(ReadOnlySpan<byte> entry, int mostKept)
    {
        _insert.BindBlob(1, entry).Execute();
        _trim.Bind(1, mostKept).Execute();
    }

    public List<(long Place, AuditEntry Entry)> Read(long before, int max)
    {
        List<(long Place, byte[] Entry)> rows = [];
        _read.Bind(1, before).Bind(2, max);
        while (_read.Step()) rows.Add((_read.Number(0), _read.Blob(1).ToArray()));
        return rows.ConvertAll(static row => (row.Place, AuditJson.Read(row.Entry)));
    }
}
