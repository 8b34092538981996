using System.Collections.Concurrent;
using Relay.Protocol;

namespace Relay.Fuzz.Tests.Fuzzing;

/// <summary>The server under attack, and what the attackers know of it. Any thread.</summary>
internal sealed class FuzzWorld
{
    public const int MaxBodyBytes = 32 << 10;
    public const string Secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

    /// <summary>So that the queues of agents whom nobody serves do not grow for ever.</summary>
    private const string Bounded = """{"max_queued_events":200,"max_queued_bytes":4000000}""";

    private static readonly string[] Sources =
    [
        """{"type":"github"}""", """{"type":"stripe"}""", """{"type":"slack"}""", """{"type":"shopify"}""", """{"type":"standard"}""", """{"type":"powerlobster"}""", """{"type":"twilio"}""",
        """{"type":"hmac","header":"X-Sig","timestamp_header":"X-Time","prefix":"v1="}""",
    ];

    private readonly ConcurrentQueue<RegisterResponse> _victims = new();

    public required RelayHost Relay { get; init; }

    public required RegisterResponse Open { get; init; }

    /// <summary>Agents with a source, by its type.</summary>
    public required IReadOnlyDictionary<string, RegisterResponse> Signed { get; init; }

    public static async Task<FuzzWorld> StartAsync(string store)
    {
        var relay = await RelayHost.StartAsync(
            store,
            settings:
            [
                ("Relay:Ingest:MaxBodyBytes", $"{MaxBodyBytes}"), ("Relay:Connections:MaxFrameBytes", $"{2 * MaxBodyBytes}"), ("Relay:RateLimit:WebhooksPerMinute", "0"),
                ("Relay:RateLimit:RequestsPerMinutePerAddress", "0"), ("Relay:RateLimit:FailedAuthenticationsPerMinute", "0"),
                ("Logging:LogLevel:Default", "Warning"), ("Logging:LogLevel:Microsoft.AspNetCore", "Warning"),
            ]);
        Dictionary<string, RegisterResponse> signed = [];
        foreach (var source in Sources)
        {
            var settings = System.Text.Json.JsonSerializer.Deserialize(source, ApiJson.Default.SourceSettings)! with { Secret = Secret };
            signed[settings.Type!] = await RegisterAsync(relay, settings);
        }

        return new FuzzWorld { Relay = relay, Open = await RegisterAsync(relay), Signed = signed };
    }

    public static Task<RegisterResponse> RegisterAsync(RelayHost relay, SourceSettings? source = null) =>
        relay.RegisterAsync(new RegisterRequest { Source = source, Delivery = System.Text.Json.JsonElement.Parse(Bounded) });

    /// <summary>Whom the attackers registered, and may change and deactivate.</summary>
    public RegisterResponse? Victim() => _victims.TryPeek(out var victim) ? victim : null;

    public void Remember(RegisterResponse agent)
    {
        _victims.Enqueue(agent);
        if (_victims.Count > 16)
        {
            _victims.TryDequeue(out _);
        }
    }
}
