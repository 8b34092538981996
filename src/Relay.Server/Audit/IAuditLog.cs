using Relay.Server.Storage;

namespace Relay.Server.Audit;

/// <summary>
/// Keeps the last <see cref="MostKept"/> entries. Any thread. A call that returns is durable; every call may throw
/// <see cref="StoreUnavailableException"/>.
/// </summary>
internal interface IAuditLog
{
    const int MostKept = 10_000;

    Task AppendAsync(AuditEntry entry);

    /// <summary>Newest first.</summary>
    /// <param name="before"><see cref="AuditPage.Next"/> of the page before; null: from the newest.</param>
    /// <param name="limit">1 or more.</param>
    Task<AuditPage> ReadAsync(long? before, int limit);
}

/// <param name="Entries">Newest first.</param>
/// <param name="Next">Where the next page begins; null: this is the last.</param>
internal sealed record AuditPage(IReadOnlyList<AuditEntry> Entries, long? Next)
{
    /// <param name="found">Each with its place, newest first, one more than the limit if there are more.</param>
    /// <param name="limit">How many were asked for.</param>
    public static AuditPage Of(IReadOnlyList<(long Place, AuditEntry Entry)> found, int limit) => new(
        [.. found.Take(limit).Select(static one => one.Entry)], found.Count > limit ? found[limit - 1].Place : null);
}
