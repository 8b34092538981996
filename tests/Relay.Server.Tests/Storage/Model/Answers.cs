using System.Globalization;
using System.Text;
using Relay.Server.Delivery;

namespace Relay.Server.Tests.Storage.Model;

/// <summary>Answers of a queue as text: two are the same if their texts are, and a difference can be read.</summary>
internal static class Answers
{
    public static string Of(AcceptResult result) => $"{result.Status} {result.Id}";

    public static string Of(LeaseResult result) => result.Superseded
        ? "superseded"
        : $"[{string.Join("; ", result.Events.Select(Of))}] more {result.More}, next {Of(result.NextDue)}";

    public static string Of(IReadOnlyList<SettleResult> results) => string.Join(' ', results);

    public static string Of(IReadOnlyList<bool> results) => string.Join(' ', results);

    public static string Of(ClaimResult result) => $"{result.Unsettled} unsettled, gaps [{string.Join("; ", result.Gaps)}]";

    public static string Of(ExpireResult result) => $"expired {string.Join(' ', result.Expired)}, left {result.OldestLeft}";

    public static string Of(StoredEvent? stored) => stored is null
        ? "nothing"
        : $"{stored.Id} of {stored.Agent} {stored.State}, accepted {Of(stored.AcceptedAt)}, {Of(stored.Head)} {Of(stored.Body)}, attempts {stored.AttemptCount}, "
            + $"failures {stored.Failures}, loss {stored.LossCounted}, due {Of(stored.DueAt)}, history [{string.Join("; ", stored.Attempts)}]";

    public static string Of(DateTimeOffset? time) => time?.ToString("HH:mm:ss.fff", CultureInfo.InvariantCulture) ?? "never";

    private static string Of(LeasedEvent leased) =>
        $"{leased.Id} accepted {Of(leased.AcceptedAt)} {Of(leased.Head)} {Of(leased.Body)} attempt {leased.Attempt}, failures {leased.Failures}, loss {leased.LossCounted}";

    private static string Of(ReadOnlyMemory<byte> bytes) => Encoding.ASCII.GetString(bytes.Span);
}
