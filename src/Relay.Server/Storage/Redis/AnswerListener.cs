using System.Text;
using System.Text.Json;
using Relay.Server.Cluster;
using Relay.Server.Delivery;
using StackExchange.Redis;

namespace Relay.Server.Storage.Redis;

/// <summary>
/// Hears on the node's own channel of what other nodes have settled for senders that wait here: an event's id and, behind it, the agent's
/// reply as JSON or nothing. Starts before the lanes are connected.
/// </summary>
internal sealed class AnswerListener(RedisLanes lanes, RedisKeys keys, NodeIdentity node, SenderWaits waits) : IHostedService
{
    public Task StartAsync(CancellationToken cancellationToken)
    {
        lanes.All[0].Signals.Keep(keys.Answers(node), OnMessage);
        return Task.CompletedTask;
    }

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    /// <summary>The reply as settle.lua publishes it.</summary>
    public static byte[] Write(AgentReply reply) => JsonSerializer.SerializeToUtf8Bytes(reply, AgentReplyJson.Default.AgentReply);

    private void OnMessage(RedisValue message)
    {
        var bytes = ((byte[]?)message).AsSpan();
        if (bytes.Length >= EventId.TextLength && EventId.TryParse(Encoding.ASCII.GetString(bytes[..EventId.TextLength]), out var id) && waits.Has(id))
        {
            waits.Acknowledged(id, Read(bytes[EventId.TextLength..]));
        }
    }

    /// <returns>Null for none, and for one that this version cannot read: the event is acknowledged all the same.</returns>
    private static AgentReply? Read(ReadOnlySpan<byte> json)
    {
        try
        {
            return json.IsEmpty ? null : JsonSerializer.Deserialize(json, AgentReplyJson.Default.AgentReply);
        }
        catch (JsonException)
        {
            return null;
        }
    }
}
