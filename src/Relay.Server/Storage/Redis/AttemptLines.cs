using System.Globalization;
using System.Text.Json;
using Relay.Server.Delivery;

namespace Relay.Server.Storage.Redis;

/// <summary>
/// The history of an event as shared.lua keeps it: for each attempt a line <c>number leased_at session outcome ended reason</c>. Times are Unix
/// milliseconds, the reason a JSON string, or empty.
/// </summary>
internal static class AttemptLines
{
    private const int Fields = 6;

    public static IReadOnlyList<AttemptRecord> Read(string lines) =>
        [.. lines.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(ReadOne)];

    /// <summary>A reason as lines have it: without line breaks.</summary>
    public static string Write(string reason) => $"\"{JsonEncodedText.Encode(reason)}\"";

    public static string Name(AttemptOutcome outcome) => outcome switch
    {
        AttemptOutcome.Acked => "acked",
        AttemptOutcome.Nacked => "nacked",
        AttemptOutcome.TimedOut => "timed_out",
        AttemptOutcome.ConnectionLost => "connection_lost",
        AttemptOutcome.Released => "released",
        AttemptOutcome.LeaseExpired => "lease_expired",
        _ => "expired",
    };

    private static AttemptRecord ReadOne(string line)
    {
        var fields = line.Split(' ', Fields);
        var (number, at, ended) = (int.Parse(fields[0], CultureInfo.InvariantCulture), Ms(fields[1]), Ms(fields[4]));
        var session = new SessionId(fields[2]);
        var outcome = Enum.GetValues<AttemptOutcome>().First(one => Name(one) == fields[3]);
        var reason = fields[5].Length == 0 ? null : JsonSerializer.Deserialize(fields[5], AttemptJson.Default.String);
        return new AttemptRecord(number, at, session.Via, session.Value, outcome, reason, ended - at);
    }

    private static long Ms(string text) => long.Parse(text, CultureInfo.InvariantCulture);
}
