using Relay.Server.Delivery;

namespace Relay.Server.Storage.Embedded;

/// <summary>What was given up and the agents have not been told of: at most a row for each queue and reason.</summary>
internal sealed class GapTable(SqliteDatabase database)
{
    private readonly SqliteStatement _find = database.Prepare("SELECT count, first, last FROM gaps WHERE queue = ?1 AND reason = ?2");
    private readonly SqliteStatement _set = database.Prepare("INSERT OR REPLACE INTO gaps VALUES(?1, ?2, ?3, ?4, ?5)");
    private readonly SqliteStatement _remove = database.Prepare("DELETE FROM gaps WHERE queue = ?1 AND reason = ?2");

    public IReadOnlyList<Gap> Of(long queue) => [.. Enum.GetValues<GapReason>().Select(reason => Find(queue, reason)).OfType<Gap>()];

    public void Add(long queue, GapReason reason, long acceptedAt) =>
        Set(queue, Gap.With(Find(queue, reason), reason, DateTimeOffset.FromUnixTimeMilliseconds(acceptedAt)));

    public void Forget(long queue, Gap told)
    {
        if (Find(queue, told.Reason)?.Without(told) is { } left) Set(queue, left);
        else _remove.Bind(1, queue).Bind(2, (int)told.Reason).Execute();
    }

    private Gap? Find(long queue, GapReason reason)
    {
        if (!_find.Bind(1, queue).Bind(2, (int)reason).Step()) return null;
        var gap = new Gap(
            reason, _find.Number(0), DateTimeOffset.FromUnixTimeMilliseconds(_find.Number(1)), DateTimeOffset.FromUnixTimeMilliseconds(_find.Number(2)));
        _find.Reset();
        return gap;
    }

    private void Set(long queue, Gap gap) => _set.Bind(1, queue).Bind(2, (int)gap.Reason).Bind(3, gap.Count)
        .Bind(4, gap.From.ToUnixTimeMilliseconds()).Bind(5, gap.To.ToUnixTimeMilliseconds()).Execute();
}
