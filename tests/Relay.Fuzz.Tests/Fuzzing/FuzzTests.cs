using Xunit.Abstractions;

namespace Relay.Fuzz.Tests.Fuzzing;

/// <summary>A minute here, <c>scripts/fuzz</c> makes it longer. RELAY_FUZZ_SEED repeats a run.</summary>
public sealed class FuzzTests(ITestOutputHelper output)
{
    [Theory, OnEachStore]
    public Task No_webhook_is_answered_5xx_or_makes_the_server_grow(string store) =>
        RunAsync("webhooks", store, static world => new HttpAttack(world, WebhookRequests.Make));

    [Theory, OnEachStore]
    public Task No_call_is_answered_5xx_or_makes_the_server_grow(string store) =>
        RunAsync("calls", store, static world => new HttpAttack(world, ApiRequests.Make));

    [Theory, OnEachStore]
    public Task No_frame_ends_a_connection_without_a_reason_or_makes_the_server_grow(string store) =>
        RunAsync("frames", store, static world => new SocketAttack(world));

    [Theory, OnEachStore]
    public Task What_a_provider_signed_is_taken_and_what_it_did_not_is_401_and_leaves_nothing(string store) =>
        RunAsync("signatures", store, static world => new HttpAttack(world, SignedRequests.Make));

    [Theory, OnEachStore]
    public Task No_handshake_is_answered_5xx_or_upgraded_against_the_rules(string store) =>
        RunAsync("handshakes", store, static world => new HttpAttack(world, Handshakes.Make));

    private async Task RunAsync(string name, string store, Func<FuzzWorld, IAttack> attack)
    {
        Print($"{name} on {store}, seed {FuzzRun.Seed}");
        Print(await new FuzzRun(name, store, attack).RunAsync());
    }

    private void Print(string line)
    {
        output.WriteLine(line);
        Console.WriteLine(line);
    }
}
