using System.Text.Json;
using System.Text.Json.Serialization;

namespace Relay.Bench.Scale;

/// <summary>What was measured on one machine, in <c>measured.json</c>: the model's input, to be replaced by one's own.</summary>
internal sealed record Measured
{
    /// <summary>CPU of a node for an event from POST to ack, in µs.</summary>
    public required double NodeMicrosecondsAnEvent { get; init; }

    /// <summary>CPU of Redis for it, in µs: Redis runs scripts on one core.</summary>
    public required double RedisMicrosecondsAnEvent { get; init; }

    /// <summary>CPU of a node for an idle agent, in µs a second.</summary>
    public required double NodeMicrosecondsAnIdleAgent { get; init; }

    /// <summary>CPU of Redis for it, in µs a second.</summary>
    public required double RedisMicrosecondsAnIdleAgent { get; init; }

    /// <summary>Memory of a node for a connected agent, in KiB.</summary>
    public required double NodeKibAnAgent { get; init; }

    /// <summary>Memory of a node with nobody connected, in MiB.</summary>
    public required double NodeMib { get; init; }

    /// <summary>Memory of Redis for an agent with nothing waiting and nothing kept, in KiB.</summary>
    public required double RedisKibAnAgent { get; init; }

    /// <summary>Memory of Redis for a waiting or kept event besides its body, in KiB.</summary>
    public required double RedisKibAnEvent { get; init; }

    public static Measured Read() => JsonSerializer.Deserialize(
        File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "measured.json")), MeasuredJson.Default.Measured)!;
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow)]
[JsonSerializable(typeof(Measured))]
internal sealed partial class MeasuredJson : JsonSerializerContext;
