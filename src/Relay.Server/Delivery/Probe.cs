using Relay.Protocol;

namespace Relay.Server.Delivery;

/// <summary>
/// An event of the relay's own that goes the whole way, so that "it works" is seen and not believed: stored, leased, pushed as a
/// <c>probe</c> frame and acknowledged by the agent's client, never shown to its handler. On the wire its id begins with <c>prb_</c>.
/// </summary>
internal static class Probe
{
    private const string WirePrefix = "prb_";
    private const string IdPrefix = "evt_";

    private static readonly byte[] Head = """{"method":"PROBE","path":"/","query":"","headers":{}}"""u8.ToArray();

    public static NewEvent For(RelayId agent, EventId id, DateTimeOffset now) => new(id, agent, now, Head, ReadOnlyMemory<byte>.Empty, IdempotencyKey: null);

    public static bool Is(LeasedEvent leased) => Is(leased.Head);

    /// <param name="head">As stored.</param>
    public static bool Is(ReadOnlyMemory<byte> head) => head.Span.SequenceEqual(Head);

    public static ProbeMessage Message(EventId id) => new() { Id = WirePrefix + id.ToString()[IdPrefix.Length..] };

    /// <summary>Reads the id of an ack: an event's, or a probe's.</summary>
    public static bool TryParseId(string text, out EventId id) =>
        EventId.TryParse(text.StartsWith(WirePrefix, StringComparison.Ordinal) ? IdPrefix + text[WirePrefix.Length..] : text, out id);
}
