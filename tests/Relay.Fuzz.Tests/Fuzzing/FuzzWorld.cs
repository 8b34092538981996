using System.Collections.Concurrent;
using System.Text;
using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Logging;
using Relay.Fuzz.Tests.Fuzzing.Providers;
using Relay.Fuzz.Tests.Wire;
using Relay.Protocol;
using Relay.Server.Ingest.Sources;
using Relay.Server.Ingest.Sources.Sns;

namespace Relay.Fuzz.Tests.Fuzzing;

/// <summary>The server under attack, and what the attackers know of it. Any thread.</summary>
internal sealed class FuzzWorld
{
    public const int MaxBodyBytes = 32 << 10;

    /// <summary>So that the queues of agents whom nobody serves do not grow for ever.</summary>
    private const string Bounded = """{"max_queued_events":200,"max_queued_bytes":4000000}""";

    /// <summary>A fetch from a provider that answered with nothing good.</summary>
    private const int FetchFailed = 1132;

    private readonly ConcurrentQueue<RegisterResponse> _victims = new();
    private readonly ConcurrentQueue<string> _events = new();

    public required RelayHost Relay { get; init; }

    public required RegisterResponse Open { get; init; }

    /// <summary>Whose key opens connections.</summary>
    public required RegisterResponse Connecting { get; init; }

    public required FakeAmazon Amazon { get; init; }

    /// <summary>Agents with a source, by its type.</summary>
    public required IReadOnlyDictionary<string, RegisterResponse> Signed { get; init; }

    /// <summary>As <see cref="Signed"/>, for whom no right webhook is ever sent.</summary>
    public required IReadOnlyDictionary<string, RegisterResponse> Forged { get; init; }

    public static async Task<FuzzWorld> StartAsync(string store)
    {
        var amazon = new FakeAmazon();
        var relay = RelayHost.Start(
            await StoreSetup.CreateAsync(store),
            replace: services => services
                .Replace(ServiceDescriptor.Singleton(provider => new ProviderWeb(amazon, provider.GetRequiredService<ILogger<ProviderWeb>>())))
                .Replace(ServiceDescriptor.Singleton(provider => new SnsTrust(
                    provider.GetRequiredService<TimeProvider>(), provider.GetRequiredService<ILogger<SnsTrust>>(), SnsProvider.Roots))),
            settings:
            [
                ("Relay:Ingest:MaxBodyBytes", $"{MaxBodyBytes}"), ("Relay:Connections:MaxFrameBytes", $"{2 * MaxBodyBytes}"), ("Relay:RateLimit:WebhooksPerMinute", "0"),
                ("Relay:RateLimit:RequestsPerMinutePerAddress", "0"), ("Relay:RateLimit:FailedAuthenticationsPerMinute", "0"), ("Relay:PublicUrl", "https://relay.test"),
                ("Logging:LogLevel:Default", "Warning"), ("Logging:LogLevel:Microsoft.AspNetCore", "Warning"),
            ]);
        relay.Logs.Expect(FetchFailed);
        return new FuzzWorld
        {
            Relay = relay,
            Amazon = amazon,
            Open = await RegisterAsync(relay),
            Connecting = await relay.RegisterAsync(new RegisterRequest { Delivery = JsonElement.Parse("""{"connections":"shared"}""") }),
            Signed = await RegisterAllAsync(relay),
            Forged = await RegisterAllAsync(relay),
        };
    }

    public static Task<RegisterResponse> RegisterAsync(RelayHost relay, SourceSettings? source = null) =>
        relay.RegisterAsync(new RegisterRequest { Source = source, Delivery = JsonElement.Parse(Bounded) });

    /// <summary>Whom the attackers registered, and may change and deactivate.</summary>
    public RegisterResponse? Victim() => _victims.TryPeek(out var victim) ? victim : null;

    /// <summary>An event that there was, or is.</summary>
    public string? Event() => _events.TryPeek(out var id) ? id : null;

    /// <summary>Remembers what an answer tells: who was registered, what was stored.</summary>
    public void Learn(RawAnswer answer)
    {
        if (answer.Status == 201 && answer.Body.AsSpan().IndexOf("signing_secret"u8) >= 0 && answer.Body.AsSpan().IndexOf("created_at"u8) >= 0
            && JsonSerializer.Deserialize(answer.Body, ApiJson.Default.RegisterResponse) is { } registered)
        {
            Keep(_victims, registered);
        }
        else if (answer.Status == 202 && answer.Body.AsSpan().IndexOf("evt_"u8) is >= 0 and var at)
        {
            Keep(_events, Encoding.ASCII.GetString(answer.Body.AsSpan(at, 36)));
        }
    }

    public async Task AssertNothingForgedAsync()
    {
        Assert.Empty(Amazon.Strays);
        foreach (var (type, agent) in Forged)
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, $"/api/v1/agents/{agent.RelayId}/events");
            request.Headers.Add("X-Admin-Key", RelayHost.AdminKey);
            using var response = await Relay.Http.SendAsync(request);
            Assert.True((await RelayHost.ReadJsonAsync(response)).GetProperty("events").GetArrayLength() == 0, $"A forged webhook of {type} was stored.");
        }
    }

    private static void Keep<T>(ConcurrentQueue<T> queue, T item)
    {
        queue.Enqueue(item);
        if (queue.Count > 16)
        {
            queue.TryDequeue(out _);
        }
    }

    private static async Task<IReadOnlyDictionary<string, RegisterResponse>> RegisterAllAsync(RelayHost relay)
    {
        Dictionary<string, RegisterResponse> all = [];
        foreach (var settings in Provider.All.Select(static provider => provider.Settings).DistinctBy(static settings => settings.Type))
        {
            all[settings.Type!] = await RegisterAsync(relay, settings);
        }

        return all;
    }
}
