using Relay.Protocol;
using Relay.Server.Delivery;

namespace Relay.Server.Tests.Storage;

/// <summary>What every <see cref="IAgenda"/> promises. A store derives a class and says how it is made.</summary>
public abstract class AgendaContract : IAsyncLifetime
{
    private static readonly DateTimeOffset Start = DateTimeOffset.FromUnixTimeMilliseconds(1_800_000_000_000);
    private readonly RelayId _early = RelayId.New();
    private readonly RelayId _late = RelayId.New();
    private IStoreHarness _harness = null!;
    private StoreUnderTest _store = null!;

    private IAgenda Agenda => _store.Agenda;

    private protected abstract IStoreHarness CreateHarness();

    public async Task InitializeAsync()
    {
        _harness = CreateHarness();
        await OpenAsync();
        await Agenda.SetAsync(AgendaKind.Expiry, _late, At(20));
        await Agenda.SetAsync(AgendaKind.Expiry, _early, At(10));
    }

    public async Task DisposeAsync() => await _harness.DisposeAsync();

    [Fact]
    public async Task Who_is_due_is_taken_the_longest_due_first()
    {
        Assert.Empty(await TakeAsync(now: 9, until: 100));
        Assert.Equal([_early, _late], await TakeAsync(now: 20, until: 100));
    }

    [Fact]
    public async Task Who_was_taken_comes_again_when_its_time_is_over()
    {
        Assert.Equal([_early], await TakeAsync(now: 10, until: 15));
        Assert.Empty(await TakeAsync(now: 14, until: 30));
        Assert.Equal([_early], await TakeAsync(now: 15, until: 30));
    }

    [Fact]
    public async Task No_more_are_taken_than_asked_for()
    {
        Assert.Equal([_early], await TakeAsync(now: 50, until: 100, limit: 1));
        Assert.Equal([_late], await TakeAsync(now: 50, until: 100, limit: 1));
    }

    [Fact]
    public async Task An_entry_can_be_moved_and_removed()
    {
        await Agenda.SetAsync(AgendaKind.Expiry, _late, At(5));
        await Agenda.RemoveAsync(AgendaKind.Expiry, _early, At(10));
        await Agenda.RemoveAsync(AgendaKind.Expiry, RelayId.New(), At(10));

        Assert.Equal([_late], await TakeAsync(now: 50, until: 100));
    }

    [Fact]
    public async Task What_was_set_since_it_was_taken_is_not_removed()
    {
        await TakeAsync(now: 50, until: 100);
        await Agenda.SetAsync(AgendaKind.Expiry, _early, At(60));
        await Agenda.RemoveAsync(AgendaKind.Expiry, _early, At(100));
        await Agenda.RemoveAsync(AgendaKind.Expiry, _late, At(100));

        Assert.Equal([_early], await TakeAsync(now: 199, until: 300));
        Assert.Equal([_early], await TakeAsync(now: 300, until: 400));
    }

    [Fact]
    public async Task What_was_set_since_it_was_taken_is_not_moved()
    {
        await TakeAsync(now: 50, until: 100);
        await Agenda.SetAsync(AgendaKind.Expiry, _early, At(60));
        await Agenda.MoveAsync(AgendaKind.Expiry, _early, At(100), At(200));
        await Agenda.MoveAsync(AgendaKind.Expiry, _late, At(100), At(200));
        await Agenda.MoveAsync(AgendaKind.Expiry, RelayId.New(), At(100), At(1));

        Assert.Equal([_early], await TakeAsync(now: 199, until: 300));
        Assert.Equal([_late], await TakeAsync(now: 200, until: 300));
    }

    [Fact]
    public async Task Kinds_know_nothing_of_each_other()
    {
        await Agenda.SetAsync(AgendaKind.HttpFallback, _early, At(1));
        await Agenda.RemoveAsync(AgendaKind.HttpFallback, _late, At(20));

        Assert.Equal([_early], await Agenda.TakeDueAsync(AgendaKind.HttpFallback, At(50), At(100), limit: 10));
        Assert.Equal([_early, _late], await TakeAsync(now: 50, until: 100));
    }

    [Fact]
    public async Task Two_that_ask_at_once_share_what_is_due()
    {
        var agents = Enumerable.Range(0, 200).Select(_ => RelayId.New()).ToHashSet();
        await Task.WhenAll(agents.Select(agent => Agenda.SetAsync(AgendaKind.HttpFallback, agent, At(1))));

        var taken = await Task.WhenAll(Enumerable.Range(0, 20).Select(_ => Agenda.TakeDueAsync(AgendaKind.HttpFallback, At(1), At(2), limit: 10)));

        Assert.Equal(agents.Order(Comparer<RelayId>.Create(ById)), taken.SelectMany(static some => some).Order(Comparer<RelayId>.Create(ById)));
        static int ById(RelayId a, RelayId b) => string.CompareOrdinal(a.Value, b.Value);
    }

    [Fact]
    public async Task It_survives_a_crash()
    {
        await OpenAsync();

        Assert.Equal([_early, _late], await TakeAsync(now: 50, until: 100));
    }

    /// <summary>Opens the store; a second call crashes and reopens it.</summary>
    private async Task OpenAsync() => _store = await _harness.OpenAsync(new DeliveryOptions());

    private Task<IReadOnlyList<RelayId>> TakeAsync(int now, int until, int limit = 10) =>
        Agenda.TakeDueAsync(AgendaKind.Expiry, At(now), At(until), limit);

    private static DateTimeOffset At(int seconds) => Start.AddSeconds(seconds);
}
