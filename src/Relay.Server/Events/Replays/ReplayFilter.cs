using Relay.Server.Delivery;
using Relay.Server.Http;

namespace Relay.Server.Events.Replays;

/// <summary>Which events a job replays.</summary>
/// <param name="Status">delivered, dead or expired.</param>
/// <param name="From">Received then or later.</param>
/// <param name="To">Received then or earlier.</param>
/// <param name="Limit">The newest so many.</param>
internal sealed record ReplayFilter(EventStatus Status, DateTimeOffset From, DateTimeOffset To, int Limit)
{
    private const int MostEvents = 10_000;
    private static readonly DateTimeOffset Latest = DateTimeOffset.MaxValue.AddDays(-1);

    public static (ReplayFilter? Filter, ErrorResult? Fault) Read(ReplayRequest request)
    {
        if (!EventStatuses.TryParse(request.Status, out var status) || status is EventStatus.Queued or EventStatus.InFlight)
        {
            return (null, Failures.Invalid("status is delivered, dead or expired: what is queued or in flight will be delivered anyway."));
        }

        var (from, to) = (request.From ?? 0, request.To ?? Latest.ToUnixTimeMilliseconds());
        if (from < 0 || to > Latest.ToUnixTimeMilliseconds() || from > to)
        {
            return (null, Failures.Invalid("from and to are Unix milliseconds, from before to."));
        }

        return request.Limit is < 1 or > MostEvents
            ? (null, Failures.Invalid($"limit is a whole number from 1 to {MostEvents}."))
            : (new ReplayFilter(
                status, DateTimeOffset.FromUnixTimeMilliseconds(from), DateTimeOffset.FromUnixTimeMilliseconds(to), request.Limit ?? MostEvents), null);
    }
}
