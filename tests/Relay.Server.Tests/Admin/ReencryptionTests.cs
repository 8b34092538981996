using System.Net;
using System.Security.Cryptography;
using System.Text.Json;
using Relay.Protocol;
using Relay.Server.Tests.Support;

namespace Relay.Server.Tests.Admin;

public sealed class ReencryptionTests
{
    private const string First = "Relay:Encryption:Keys:0";
    private const string Second = "Relay:Encryption:Keys:1";
    private const int NotReencrypted = 1711;

    private readonly string _old = NewKey();
    private readonly string _new = NewKey();

    [Theory, OnEachStore]
    public async Task After_it_the_old_key_can_leave_the_configuration(string store)
    {
        await using var relay = await RelayHost.StartAsync(store, settings: (First, _old));
        List<RegisterResponse> agents = [];
        for (var i = 0; i < 5; i++)
        {
            agents.Add(await relay.RegisterAsync("""{"source":{"type":"github","secret":"test-only-secret"},"http_endpoint":"https://agent.example/hooks","delivery":{"paused":true}}"""));
        }

        var rotated = await relay.RotateAsync(agents[0]);
        await relay.RestartAsync((First, _new), (Second, _old));

        Assert.Equal([(2, 2, 0), (2, 2, 0), (1, 1, 0)], await RunAllAsync(relay, limit: 2));
        Assert.Equal([(5, 0, 0)], await RunAllAsync(relay, limit: 1000));
        await relay.RestartAsync((Second, null));

        Assert.Equal([(5, 0, 0)], await RunAllAsync(relay, limit: 1000));
        foreach (var agent in (RegisterResponse[])[.. agents, rotated])
        {
            await using var connected = await relay.ConnectAsync(agent);
            using var unsigned = await relay.PostAsync(agent, "{}"u8.ToArray());
            await Expect.ErrorAsync(unsigned, HttpStatusCode.Unauthorized, "invalid_signature");
            Assert.Equal("set", (await relay.ShowAsync(agent)).GetProperty("http_endpoint").GetString());
        }
    }

    [Theory, OnEachStore]
    public async Task What_no_key_opens_is_counted_and_stops_nothing_else(string store)
    {
        await using var relay = await RelayHost.StartAsync(store, settings: (First, _old));
        relay.Logs.Expect(NotReencrypted);
        await relay.RegisterAsync();
        await relay.RestartAsync((First, _new), (Second, NewKey()));
        var agent = await relay.RegisterAsync();
        await relay.RestartAsync((First, NewKey()), (Second, _new));

        Assert.Equal([(2, 1, 1)], await RunAllAsync(relay, limit: 1000));

        Assert.True(await relay.OpensAsync(agent));
    }

    [Theory, OnEachStore]
    public async Task Agents_that_are_connected_stay(string store)
    {
        await using var relay = await RelayHost.StartAsync(store, settings: (First, _old));
        var agent = await relay.RegisterAsync();
        await relay.RestartAsync((First, _new), (Second, _old));
        await using var connected = await relay.ConnectAsync(agent);

        Assert.Equal([(1, 1, 0)], await RunAllAsync(relay, limit: 10));
        await relay.AppliedAsync(agent);

        var id = await relay.QueueAsync(agent);
        Assert.Equal(id, (await connected.ReceiveWebhookAsync()).Id);
    }

    [Theory]
    [InlineData("limit=0")]
    [InlineData("limit=10001")]
    [InlineData("cursor=x")]
    public async Task A_part_that_cannot_be_is_refused(string query)
    {
        await using var relay = await RelayHost.StartAsync("embedded");

        using var response = await relay.AdminAsync(HttpMethod.Post, $"/api/v1/admin/reencrypt?{query}");

        await Expect.ErrorAsync(response, HttpStatusCode.BadRequest, "invalid_request");
    }

    private static async Task<List<(int Examined, int Reencrypted, int Failed)>> RunAllAsync(RelayHost relay, int limit)
    {
        List<(int Examined, int Reencrypted, int Failed)> parts = [];
        var cursor = "";
        do
        {
            using var response = await relay.AdminAsync(HttpMethod.Post, $"/api/v1/admin/reencrypt?limit={limit}{cursor}");
            Assert.Equal(HttpStatusCode.OK, response.StatusCode);
            var part = await RelayHost.ReadJsonAsync(response);
            parts.Add((part.GetProperty("examined").GetInt32(), part.GetProperty("reencrypted").GetInt32(), part.GetProperty("failed").GetInt32()));
            cursor = part.GetProperty("next_cursor") is { ValueKind: JsonValueKind.String } next ? $"&cursor={next.GetString()}" : null;
        }
        while (cursor is not null);

        return parts;
    }

    private static string NewKey() => Convert.ToBase64String(RandomNumberGenerator.GetBytes(32));
}
