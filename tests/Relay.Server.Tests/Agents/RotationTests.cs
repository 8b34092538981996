using System.Net;
using Relay.Protocol;
using Relay.Server.Tests.Support;

namespace Relay.Server.Tests.Agents;

public sealed class RotationTests
{
    private static readonly TimeSpan AtOnce = TimeSpan.FromSeconds(1);

    [Theory, OnEachStore]
    public async Task Both_keys_open_and_both_secrets_sign_until_the_grace_is_over(string store)
    {
        await using var relay = await RelayHost.StartAsync(store, ownClock: true);
        var old = await relay.RegisterAsync();

        var rotated = await relay.RotateAsync(old, graceSeconds: 60);

        Assert.Equal((old.RelayId, old.WebhookUrl), (rotated.RelayId, rotated.WebhookUrl));
        Assert.NotEqual((old.ApiKey, old.SigningSecret), (rotated.ApiKey, rotated.SigningSecret));
        foreach (var key in (RegisterResponse[])[old, rotated])
        {
            await using var connected = await relay.ConnectAsync(key);
            var id = await relay.QueueAsync(key, """{"n":1}""");
            var webhook = await connected.ReceiveWebhookAsync();
            AssertSigned(webhook, relay, with: key, secrets: [old, rotated]);
            await connected.AckAsync(id);
            await connected.CloseAsync();
        }

        Assert.True(await relay.OpensAsync(old));
        relay.Clock!.Advance(TimeSpan.FromSeconds(61));

        Assert.False(await relay.OpensAsync(old));
        Assert.True(await relay.OpensAsync(rotated));
        await using var again = await relay.ConnectAsync(rotated);
        await relay.QueueAsync(rotated);
        AssertSigned(await again.ReceiveWebhookAsync(), relay, with: rotated, secrets: [rotated]);
    }

    [Theory, OnEachStore]
    public async Task A_connection_signs_with_its_own_key_through_a_rotation_and_ends_with_the_grace(string store)
    {
        await using var relay = await RelayHost.StartAsync(store, ownClock: true);
        var old = await relay.RegisterAsync();
        await using var connected = await relay.ConnectAsync(old);

        var rotated = await relay.RotateAsync(old, graceSeconds: 20);
        await relay.AppliedAsync(old);

        await relay.QueueAsync(old);
        AssertSigned(await connected.ReceiveWebhookAsync(), relay, with: old, secrets: [old, rotated]);
        relay.Clock!.Advance(TimeSpan.FromSeconds(21));
        await ExpectCutOffAsync(connected);
    }

    [Theory, OnEachStore]
    public async Task Without_grace_the_old_key_ends_at_once_and_what_it_opened(string store)
    {
        await using var relay = await RelayHost.StartAsync(store);
        var old = await relay.RegisterAsync();
        await using var connected = await relay.ConnectAsync(old);
        var polled = relay.BearerAsync(HttpMethod.Get, $"/api/v1/pending/{old.RelayId}?wait=60", old.ApiKey);

        var rotated = await relay.RotateAsync(old, graceSeconds: 0);

        await ExpectCutOffAsync(connected);
        Assert.False(await relay.OpensAsync(old));
        Assert.True(await relay.OpensAsync(rotated));

        // It may have come when the key was over already.
        using var ended = await polled;
        if (ended.StatusCode != HttpStatusCode.Unauthorized)
        {
            Assert.Equal(0, (await RelayHost.ReadJsonAsync(ended)).GetProperty("count").GetInt32());
        }
    }

    [Fact]
    public async Task A_revoked_key_is_cut_off_on_every_node_and_the_new_one_stays()
    {
        await using var relay = await RelayHost.StartAsync("redis");
        await using var peer = relay.StartAnother();
        var old = await relay.RegisterAsync("""{"delivery":{"connections":"shared"}}""");
        var rotated = await relay.RotateAsync(old);
        await using var leaving = await peer.ConnectAsync(old);
        await using var staying = await peer.ConnectAsync(rotated);

        // The newest that asks holds on, whatever it replaced does not.
        var newest = await relay.RotateAsync(rotated);

        await ExpectCutOffAsync(leaving);
        Assert.False(await peer.OpensAsync(old));
        Assert.True(await peer.OpensAsync(rotated) && await peer.OpensAsync(newest));
        await staying.AssertSilentAsync();
    }

    [Theory, OnEachStore]
    public async Task Who_lost_the_answer_asks_again_with_the_old_key(string store)
    {
        await using var relay = await RelayHost.StartAsync(store);
        var old = await relay.RegisterAsync();
        var lost = await relay.RotateAsync(old);

        var rotated = await relay.RotateAsync(old);

        Assert.True(await relay.OpensAsync(old) && await relay.OpensAsync(rotated));
        Assert.False(await relay.OpensAsync(lost));
    }

    [Theory, OnEachStore]
    public async Task Of_rotations_made_at_once_one_key_is_left_beside_the_old_one(string store)
    {
        await using var relay = await RelayHost.StartAsync(store);
        var old = await relay.RegisterAsync();

        var rotated = await Task.WhenAll(Enumerable.Range(0, 6).Select(_ => relay.RotateAsync(old)));

        var opening = await Task.WhenAll(rotated.Select(relay.OpensAsync));
        Assert.Single(opening, static opens => opens);
        Assert.True(await relay.OpensAsync(old));
    }

    [Theory, OnEachStore]
    public async Task Keys_before_and_after_a_rotation_survive_a_restart_and_are_kept_encrypted(string store)
    {
        await using var relay = await RelayHost.StartAsync(store);
        var old = await relay.RegisterAsync();
        var rotated = await relay.RotateAsync(old);

        await relay.RestartAsync();

        Assert.True(await relay.OpensAsync(old) && await relay.OpensAsync(rotated));
        var kept = System.Text.Encoding.Latin1.GetString(await relay.Store.DumpAsync());
        Assert.All((string[])[old.ApiKey, rotated.ApiKey, rotated.SigningSecret], secret => Assert.DoesNotContain(secret, kept, StringComparison.Ordinal));
        Assert.All(relay.Logs.Texts, text => Assert.DoesNotContain(rotated.ApiKey, text, StringComparison.Ordinal));
    }

    [Theory, OnEachStore]
    public async Task An_administrator_gives_an_agent_a_new_key(string store)
    {
        await using var relay = await RelayHost.StartAsync(store);
        var old = await relay.RegisterAsync();

        var rotated = await relay.RotateAsync(old, $$"""{"relay_id":"{{old.RelayId}}","grace_seconds":0}""", HttpStatusCode.OK);

        Assert.Equal(old.RelayId, rotated.RelayId);
        Assert.False(await relay.OpensAsync(old));
        Assert.True(await relay.OpensAsync(rotated));
    }

    [Theory, OnEachStore]
    public async Task A_new_agent_takes_the_place_of_an_old_one_with_its_settings(string store)
    {
        await using var relay = await RelayHost.StartAsync(store);
        var old = await relay.RegisterAsync(
            """{"name":"n","workspace_id":"w","metadata":{"a":1},"delivery":{"max_attempts":3},"source":{"type":"github","secret":"test-only-secret"},"http_endpoint":"https://agent.example/hooks"}""");
        await using var connected = await relay.ConnectAsync(old);

        var successor = await relay.RotateAsync(old, $$$"""{"old_relay_id":"{{{old.RelayId}}}","metadata":{"b":2}}""", HttpStatusCode.Created);

        await ExpectCutOffAsync(connected);
        Assert.NotEqual(old.RelayId, successor.RelayId);
        Assert.False((await relay.ShowAsync(old)).GetProperty("active").GetBoolean());
        var shown = await relay.ShowAsync(successor);
        Assert.Equal(("n", "w", "set"), (shown.GetProperty("name").GetString(), shown.GetProperty("workspace_id").GetString(), shown.GetProperty("http_endpoint").GetString()));
        Assert.Equal((2, 3), (shown.GetProperty("metadata").GetProperty("b").GetInt32(), shown.GetProperty("delivery").GetProperty("max_attempts").GetInt32()));
        using var unsigned = await relay.PostAsync(successor, "{}"u8.ToArray());
        await Expect.ErrorAsync(unsigned, HttpStatusCode.Unauthorized, "invalid_signature");
        using var second = await relay.AdminAsync(HttpMethod.Post, "/api/v1/rotate", $$"""{"old_relay_id":"{{old.RelayId}}"}""");
        await Expect.ErrorAsync(second, HttpStatusCode.NotFound, "unknown_relay_id");
    }

    [Theory]
    [InlineData("""{"grace_seconds":-1}""", "grace_seconds")]
    [InlineData("""{"grace_seconds":604801}""", "grace_seconds")]
    [InlineData("""{"grace_seconds":"1"}""", "grace_seconds")]
    [InlineData("""{"relay_id":"agt_0123456789abcdef"}""", "its own key")]
    [InlineData("""{"old_relay_id":"agt_0123456789abcdef"}""", "its own key")]
    [InlineData("[]", "JSON object")]
    public async Task A_malformed_rotation_names_its_fault_and_changes_nothing(string body, string named)
    {
        await using var relay = await RelayHost.StartAsync("embedded");
        var agent = await relay.RegisterAsync();

        using var response = await relay.BearerAsync(HttpMethod.Post, "/api/v1/rotate", agent.ApiKey, body);

        var error = await Expect.ErrorAsync(response, HttpStatusCode.BadRequest, "invalid_request");
        Assert.Contains(named, error.GetProperty("message").GetString(), StringComparison.Ordinal);
        Assert.True(await relay.OpensAsync(agent));
    }

    [Theory]
    [InlineData("{}", HttpStatusCode.BadRequest)]
    [InlineData("""{"relay_id":"agt_0123456789abcdef","old_relay_id":"agt_0123456789abcdef"}""", HttpStatusCode.BadRequest)]
    [InlineData("""{"old_relay_id":"agt_0123456789abcdef","grace_seconds":5}""", HttpStatusCode.BadRequest)]
    [InlineData("""{"relay_id":"agt_0123456789abcdef"}""", HttpStatusCode.NotFound)]
    [InlineData("""{"old_relay_id":"x"}""", HttpStatusCode.NotFound)]
    public async Task An_administrator_says_whose_keys_are_meant(string body, HttpStatusCode status)
    {
        await using var relay = await RelayHost.StartAsync("embedded");

        using var response = await relay.AdminAsync(HttpMethod.Post, "/api/v1/rotate", body);

        Assert.Equal(status, response.StatusCode);
        using var nobody = await relay.Http.PostAsync(new Uri("/api/v1/rotate", UriKind.Relative), content: null);
        await Expect.ErrorAsync(nobody, HttpStatusCode.Unauthorized, "invalid_api_key");
    }

    private static void AssertSigned(WebhookMessage webhook, RelayHost relay, RegisterResponse with, RegisterResponse[] secrets)
    {
        Assert.True(ApiKey.TryParse(with.ApiKey, out var key));
        var now = relay.Clock!.GetUtcNow();
        Assert.True(RelaySignature.Verify(key, webhook.Signature, webhook.Timestamp, webhook.Payload.Span, now));
        Assert.Equal(secrets.Length, webhook.StandardSignature!.Split(' ').Length);
        Assert.All(secrets, one =>
        {
            Assert.True(SigningSecret.TryParse(one.SigningSecret, out var secret));
            Assert.True(StandardSignature.Verify(secret, webhook.StandardSignature, webhook.Id, webhook.Timestamp / 1000, webhook.Payload.Span, now));
        });
    }

    private static async Task ExpectCutOffAsync(TestAgent connected)
    {
        var goodbye = await connected.ExpectAsync("disconnect").WaitAsync(AtOnce);
        Assert.Equal("deactivated", goodbye.GetProperty("reason").GetString());
        Assert.Equal(4001, await connected.ReadToCloseAsync());
        await connected.CloseAsync();
    }
}
