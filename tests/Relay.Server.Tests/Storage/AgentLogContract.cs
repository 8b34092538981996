using Relay.Protocol;
using Relay.Server.Activities;
using Relay.Server.Delivery;

namespace Relay.Server.Tests.Storage;

/// <summary>What every <see cref="IAgentLog"/> promises. A store derives a class and says how it is made.</summary>
public abstract class AgentLogContract : IAsyncLifetime
{
    private readonly RelayId _agent = RelayId.New();
    private IStoreHarness _harness = null!;
    private StoreUnderTest _store = null!;

    private IAgentLog Log => _store.Log;

    private protected abstract IStoreHarness CreateHarness();

    public async Task InitializeAsync()
    {
        _harness = CreateHarness();
        await OpenAsync();
    }

    public async Task DisposeAsync() => await _harness.DisposeAsync();

    [Fact]
    public async Task Entries_come_back_as_they_were_newest_first()
    {
        var full = Entry(1) with
        {
            RelayId = _agent.Value,
            Type = ActivityType.Disconnected,
            SessionId = "ses_1",
            EventId = "evt_1",
            Reason = "Zo\u00eb said \"no\"",
            CloseCode = 4008,
        };
        await Log.AppendAsync(_agent, [full, Entry(2)]);
        await Log.AppendAsync(_agent, [Entry(3)]);

        Assert.Equal([Entry(3), Entry(2), full], (await Log.ReadAsync(_agent, before: null, limit: 10)).Entries);
    }

    [Fact]
    public async Task The_last_thousand_are_kept_and_read_page_by_page_while_others_come()
    {
        for (var i = 0; i < 11; i++)
        {
            await Log.AppendAsync(_agent, [.. Enumerable.Range(i * 100, 100).Select(at => Entry(at))]);
        }

        List<long> seen = [];
        long? before = null;
        do
        {
            var page = await Log.ReadAsync(_agent, before, limit: 300);
            seen.AddRange(page.Entries.Select(one => one.At));
            before = page.Next;
            if (seen.Count == 300)
            {
                // Pushes out the ten oldest.
                await Log.AppendAsync(_agent, [.. Enumerable.Range(1100, 10).Select(at => Entry(at))]);
            }
        }
        while (before is not null);

        Assert.Equal(Enumerable.Range(110, 990).Reverse().Select(at => (long)at), seen);
    }

    [Fact]
    public async Task An_agents_log_is_its_own_and_empty_at_first()
    {
        await Log.AppendAsync(_agent, [Entry(1)]);
        var page = await Log.ReadAsync(RelayId.New(), before: null, limit: 10);

        Assert.Empty(page.Entries);
        Assert.Null(page.Next);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(long.MaxValue)]
    public async Task A_place_where_nothing_is_ends_the_log_or_begins_it(long before)
    {
        await Log.AppendAsync(_agent, [Entry(1)]);

        Assert.Equal(before > 1 ? 1 : 0, (await Log.ReadAsync(_agent, before, limit: 10)).Entries.Count);
    }

    [Fact]
    public async Task Entries_survive_a_crash()
    {
        await Log.AppendAsync(_agent, [Entry(1)]);
        await OpenAsync();

        Assert.Equal([Entry(1)], (await Log.ReadAsync(_agent, before: null, limit: 10)).Entries);
    }

    /// <summary>Opens the store; a second call crashes and reopens it.</summary>
    private async Task OpenAsync() => _store = await _harness.OpenAsync(new DeliveryOptions());

    private static ActivityEntry Entry(long at) => new() { At = at, Type = ActivityType.Connected };
}
