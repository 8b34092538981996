using Relay.Server.Delivery;

namespace Relay.Server.Tests.Delivery;

public sealed class EventIdSourceTests
{
    [Fact]
    public void Ids_ascend_also_when_the_clock_stands_still()
    {
        var source = new EventIdSource(new FakeTimeProvider());

        var ids = Enumerable.Range(0, 200_000).Select(_ => source.Next()).ToArray();

        Assert.Equal(ids.Order(), ids);
        Assert.Equal(ids.Length, ids.Distinct().Count());
    }

    [Fact]
    public async Task Ids_made_side_by_side_are_distinct()
    {
        var source = new EventIdSource(TimeProvider.System);

        var ids = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => Task.Run(() => Enumerable.Range(0, 10_000).Select(_ => source.Next()).ToArray())));

        Assert.Equal(80_000, ids.SelectMany(static some => some).Distinct().Count());
    }
}
