using System.Text;
using Relay.Protocol;
using Relay.Server.Delivery;
using static Relay.Server.Tests.Storage.Redis.RedisTestEvents;

namespace Relay.Server.Tests.Storage.Redis;

/// <summary>A sender waits on one node, the agent answers on another.</summary>
[Collection("redis")]
public sealed class RedisAnswerTests(RedisFixture redis)
{
    private readonly RelayId _agent = RelayId.New();
    private readonly SessionId _session = SessionId.New();

    [Fact]
    public async Task An_answer_comes_with_every_byte_of_it()
    {
        await using var here = await StartAsync();
        await using var there = await StartAsync();
        var body = new byte[ReplyMessage.MaxBodyBytes];
        Random.Shared.NextBytes(body);
        var (waited, wait) = await AcceptAsync(here);
        using var _ = wait;

        await there.Queue.ClaimAsync(_agent, _session, Now);
        Assert.Equal(waited.ReplyBy, Assert.Single((await there.Queue.LeaseAllAsync(_agent, _session)).Events).ReplyBy);
        await there.Queue.SettleAsync(_agent, [Ack(waited.Id, _session) with { Reply = new AgentReply(299, [KeyValuePair.Create("x-a", "1"), KeyValuePair.Create("x-a", "é")], body) }], Now);

        Assert.True(await wait.WaitAsync(TimeProvider.System, CancellationToken.None));
        Assert.Equal(299, wait.Reply!.Status);
        Assert.Equal(["x-a: 1", "x-a: é"], wait.Reply.Headers.Select(static header => $"{header.Key}: {header.Value}"));
        Assert.Equal(body, wait.Reply.Body);
    }

    [Fact]
    public async Task Each_of_a_batch_has_its_own()
    {
        await using var here = await StartAsync();
        await using var there = await StartAsync();
        var accepted = new List<(NewEvent Event, SenderWait Wait)>();
        for (var i = 0; i < 20; i++)
        {
            accepted.Add(await AcceptAsync(here));
        }

        await there.Queue.SettleAsync(
            _agent,
            [.. accepted.Select((one, i) => Ack(one.Event.Id, _session) with { Reply = i % 2 == 0 ? new AgentReply(200 + i, [], Encoding.UTF8.GetBytes($"{i}")) : null })],
            Now);

        for (var i = 0; i < accepted.Count; i++)
        {
            using var wait = accepted[i].Wait;
            Assert.True(await wait.WaitAsync(TimeProvider.System, CancellationToken.None));
            Assert.Equal(i % 2 == 0 ? 200 + i : null, wait.Reply?.Status);
        }
    }

    [Fact]
    public async Task It_is_heard_again_after_an_outage()
    {
        await using var server = await RedisServer.StartAsync();
        await using var here = await RedisStore.StartAsync(server);
        await using var there = await RedisStore.StartAsync(server);
        await server.KillAsync();
        await server.RestartAsync();

        // The first ones may be answered before the node listens again.
        await UntilAsync(async () =>
        {
            var (waited, wait) = await AcceptAsync(here, TimeSpan.FromSeconds(1));
            using var _ = wait;
            await there.Queue.SettleAsync(_agent, [Ack(waited.Id, _session)], Now);
            return await wait.WaitAsync(TimeProvider.System, CancellationToken.None);
        });
    }

    [Fact]
    public async Task A_node_that_is_gone_is_told_in_vain()
    {
        NewEvent waited;
        await using (var here = await StartAsync())
        {
            (waited, var wait) = await AcceptAsync(here);
            wait.Dispose();
        }

        await using var there = await StartAsync();
        Assert.Equal(SettleResult.Settled, Assert.Single(await there.Queue.SettleAsync(_agent, [Ack(waited.Id, _session) with { Reply = new AgentReply(200, [], []) }], Now)));
    }

    private async Task<(NewEvent Event, SenderWait Wait)> AcceptAsync(RedisStore store, TimeSpan? patience = null)
    {
        var accepted = NewEvent(_agent);
        var wait = store.Waits.Begin(accepted.Id, patience ?? Patience);
        accepted = accepted with { ReplyBy = DateTimeOffset.FromUnixTimeMilliseconds(wait.Until.ToUnixTimeMilliseconds()) };
        await store.Queue.AcceptAsync(accepted, Terms());
        return (accepted, wait);
    }

    private Task<RedisStore> StartAsync() => RedisStore.StartAsync(redis.Server, $"{_agent}:");
}
