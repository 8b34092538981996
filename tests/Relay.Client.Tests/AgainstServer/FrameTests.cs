using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text;
using Relay.Protocol;
using Relay.Server.Delivery;

namespace Relay.Client.Tests.AgainstServer;

public sealed class FrameTests
{
    [Theory, OnEachStore]
    public async Task A_body_that_is_much_longer_in_its_frame_arrives(string store)
    {
        await using var relay = await RealRelay.StartAsync(store, settings: ("Relay:Ingest:MaxBodyBytes", "67108864"));
        var taken = ClientTest.Receive(relay.NewClient());
        var body = Encoding.UTF8.GetBytes($"\"{new string('é', 2 << 20)}\"");

        var id = await relay.Host.QueueAsync(relay.Agent, body, "application/json");

        var delivery = await taken.NextAsync();
        Assert.Equal(id, delivery.Id);
        Assert.True(body.AsSpan().SequenceEqual(delivery.Body.Span));
        await delivery.AckAsync();
        await relay.WhenAsync(id, EventState.Delivered);
    }

    [Theory, OnEachStore]
    public async Task A_probe_comes_back_while_the_handler_is_busy(string store)
    {
        await using var relay = await RealRelay.StartAsync(store);
        var release = new TaskCompletionSource();
        var started = new Recorded<string>();
        var client = relay.NewClient();
        var running = client.RunAsync(async (delivery, cancellationToken) =>
        {
            started.Add(delivery.Id);
            await release.Task.WaitAsync(cancellationToken);
        });
        var id = await relay.PostAsync();
        Assert.Equal(id, await started.NextAsync());

        using var request = new HttpRequestMessage(HttpMethod.Post, $"/api/v1/agents/{relay.Agent.RelayId}/probe");
        request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", relay.Agent.ApiKey);
        using var response = await relay.Host.Http.SendAsync(request);

        Assert.Equal("ok", (await response.Content.ReadFromJsonAsync(ApiJson.Default.ProbeResponse))!.Status);
        release.SetResult();
        await relay.WhenDeliveredAsync([id]);
        await client.DisposeAsync();
        await running.Soon();
        Assert.Equal(0, started.Count);
    }

    [Theory, OnEachStore]
    public async Task A_replay_names_the_event_that_it_repeats(string store)
    {
        await using var relay = await RealRelay.StartAsync(store);
        var taken = ClientTest.Receive(relay.NewClient());
        var id = await relay.PostAsync();
        await (await taken.NextAsync()).AckAsync();
        await relay.WhenDeliveredAsync([id]);

        using var request = new HttpRequestMessage(HttpMethod.Post, $"/api/v1/events/{id}/replay");
        request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", relay.Agent.ApiKey);
        using var response = await relay.Host.Http.SendAsync(request);
        Assert.True(response.IsSuccessStatusCode);

        var replay = await taken.NextAsync();
        Assert.Equal((id, 1), (replay.ReplayOf, replay.Attempt));
        Assert.NotEqual(id, replay.Id);
        await replay.AckAsync();
    }
}
