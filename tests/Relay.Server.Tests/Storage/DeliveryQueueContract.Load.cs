using System.Collections.Concurrent;
using Relay.Protocol;
using Relay.Server.Delivery;

namespace Relay.Server.Tests.Storage;

public abstract partial class DeliveryQueueContract
{
    [Fact]
    public async Task Two_hundred_concurrent_callers_over_several_agents_lose_and_repeat_nothing()
    {
        const int EventsPerCaller = 20;
        var agents = Enumerable.Range(0, 5).Select(_ => (Agent: RelayId.New(), Session: SessionId.New())).ToArray();
        await Task.WhenAll(agents.Select(one => Queue.ClaimAsync(one.Agent, one.Session, Start)));
        var accepted = new ConcurrentBag<EventId>();
        var handedOut = new ConcurrentBag<EventId>();

        await Task.WhenAll(Enumerable.Range(0, 200).Select(caller => Task.Run(async () =>
        {
            var (agent, session) = agents[caller % agents.Length];
            var terms = LeaseTerms(session);
            for (var i = 0; i < EventsPerCaller; i++)
            {
                var result = await Queue.AcceptAsync(NewEvent(BitConverter.GetBytes(caller), agent: agent), i % 2 == 0 ? Terms() : terms);
                accepted.Add(result.Id);
                if (result.Status == AcceptStatus.Leased) handedOut.Add(result.Id);

                var leased = await Queue.LeaseAsync(agent, new LeaseRequest(session, 3, long.MaxValue, Start, At(30)));
                foreach (var one in leased.Events) handedOut.Add(one.Id);
                var settled = await Queue.SettleAsync(agent, [.. leased.Events.Select(one => Ack(one.Id, session))], Start);
                Assert.All(settled, one => Assert.Equal(SettleResult.Settled, one));
                if (result.Status == AcceptStatus.Leased)
                {
                    Assert.Equal(SettleResult.Settled, await SettleAsync(Ack(result.Id, session), agent: agent));
                }
            }
        })));

        foreach (var (agent, session) in agents)
        {
            var rest = await Queue.LeaseAsync(agent, new LeaseRequest(session, 10_000, long.MaxValue, Start, At(30)));
            foreach (var one in rest.Events) handedOut.Add(one.Id);
        }

        Assert.Equal(200 * EventsPerCaller, accepted.Count);
        Assert.Equal(accepted.Order(), handedOut.Order());
    }

    [Fact]
    public async Task Ten_thousand_ready_events_are_handed_out_in_order_in_batches()
    {
        var ids = await AcceptManyAsync(10_000);
        Assert.Equal(10_000, await ClaimAsync());

        var handedOut = new List<EventId>();
        LeaseResult batch;
        do
        {
            batch = await LeaseAsync(max: 512);
            handedOut.AddRange(Ids(batch));
            var settled = await Queue.SettleAsync(_agent, [.. batch.Events.Select(one => Ack(one.Id))], Start);
            Assert.All(settled, one => Assert.Equal(SettleResult.Settled, one));
        }
        while (batch.More);

        Assert.Equal(ids, handedOut);
        Assert.Equal(0, await ClaimAsync());
    }
}
