using System.Text.Json;
using Relay.Server.Tests.Support;

namespace Relay.Server.Tests.Agents;

public sealed class KeyUsageTests
{
    [Theory, OnEachStore]
    public async Task When_each_key_was_last_used_is_shown_and_survives_a_restart(string store)
    {
        await using var relay = await RelayHost.StartAsync(store, ownClock: true);
        var old = await relay.RegisterAsync();
        Assert.False((await relay.ShowAsync(old)).TryGetProperty("last_used_at", out _));

        var first = relay.Clock!.GetUtcNow().ToUnixTimeMilliseconds();
        var rotated = await relay.RotateAsync(old);
        Assert.False((await relay.ShowAsync(old)).TryGetProperty("last_used_at", out _));
        relay.Clock.Advance(TimeSpan.FromSeconds(5));
        var second = relay.Clock.GetUtcNow().ToUnixTimeMilliseconds();
        Assert.True(await relay.OpensAsync(rotated));
        await relay.RestartAsync();

        var shown = await relay.ShowAsync(old);
        Assert.Equal(second, LastUsed(shown));
        var retiring = shown.GetProperty("retiring_key");
        Assert.Equal((first, first + 86_400_000), (LastUsed(retiring), retiring.GetProperty("expires_at").GetInt64()));
        relay.Clock.Advance(TimeSpan.FromDays(1));
        Assert.False((await relay.ShowAsync(old)).TryGetProperty("retiring_key", out _));
    }

    [Fact]
    public async Task A_connection_goes_on_using_its_key_and_other_nodes_see_it()
    {
        await using var relay = await RelayHost.StartAsync("redis", ownClock: true);
        await using var peer = relay.StartAnother();
        var agent = await relay.RegisterAsync();
        await using var connected = await relay.ConnectAsync(agent);
        var began = relay.Clock!.GetUtcNow().ToUnixTimeMilliseconds();
        var reading = connected.ReadToCloseAsync();

        await relay.AdvanceUntilAsync(Eventually.Async(
            () => peer.ShowAsync(agent), shown => shown.TryGetProperty("last_used_at", out var at) && at.GetInt64() > began));

        await relay.DeactivateAsync(agent);
        Assert.Equal(4001, await reading);
    }

    private static long LastUsed(JsonElement shown) => shown.GetProperty("last_used_at").GetInt64();
}
