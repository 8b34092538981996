using System.Text;

namespace Relay.Bench.Load;

/// <summary>How the text frames between a contender and its agent look. Agents look for marks and parse nothing.</summary>
/// <param name="eventStart">What a frame with an event begins with.</param>
/// <param name="idMark">What stands before an event's id.</param>
/// <param name="ackStart">An acknowledgement, before its list of ids.</param>
/// <param name="ackEnd">And after it.</param>
/// <param name="pingStart">What a heartbeat begins with.</param>
/// <param name="pong">The answer to it.</param>
internal sealed class Wire(string eventStart, string idMark, string ackStart, string ackEnd, string pingStart, string pong)
{
    /// <summary>Ends a message of those that come several in a frame.</summary>
    public const byte End = 0x1e;

    public static Wire Relay { get; } = new("{\"type\":\"webhook\"", "\"id\":\"", "{\"type\":\"ack\",\"ids\":[", "]}", "{\"type\":\"ping\"", "{\"type\":\"pong\"}");

    /// <summary>SignalR's JSON hub protocol, on a WebSocket without negotiation.</summary>
    public static Wire SignalR { get; } = new(
        "{\"type\":1,\"target\":\"webhook\"", "\"arguments\":[\"", "{\"type\":1,\"target\":\"Ack\",\"arguments\":[[", "]]}\u001e", "{\"type\":6", "{\"type\":6}\u001e")
    {
        Hello = "{\"protocol\":\"json\",\"version\":1}\u001e",
        Ready = "\"ready\"",
    };

    public byte[] EventStart { get; } = Encoding.ASCII.GetBytes(eventStart);

    public byte[] IdMark { get; } = Encoding.ASCII.GetBytes(idMark);

    public string AckStart => ackStart;

    public string AckEnd => ackEnd;

    public byte[] PingStart { get; } = Encoding.ASCII.GetBytes(pingStart);

    public string Pong => pong;

    /// <summary>What an agent says first; null: nothing.</summary>
    public string? Hello { get; private init; }

    /// <summary>What is in the answer to it.</summary>
    public string? Ready { get; private init; }
}
