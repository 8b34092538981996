using Relay.Server.Cluster;

namespace Relay.Server.Tests.Cluster;

public sealed class BalanceTests
{
    [Theory]
    [InlineData(new[] { 100 })] // Alone.
    [InlineData(new[] { 4, 0 })] // Too few to bother agents.
    [InlineData(new[] { 104, 96, 100 })]
    [InlineData(new[] { 0, 100 })] // The other has too many: it looks for itself.
    public void A_node_with_its_share_keeps_all(int[] connections) => Assert.Equal(0, new Balance().Next(connections[0], Nodes(connections)));

    [Theory]
    [InlineData(new[] { 100, 0 }, 25)]
    [InlineData(new[] { 30, 0, 0 }, 10)]
    [InlineData(new[] { 100_000, 0 }, 500)]
    public void One_with_far_more_gives_up_half_of_what_is_too_much_and_never_very_many(int[] connections, int expected) =>
        Assert.Equal(expected, new Balance().Next(connections[0], Nodes(connections)));

    [Fact]
    public void It_goes_on_until_they_are_shared()
    {
        var balance = new Balance();
        int[] connections = [1000, 0, 0];
        var rounds = 0;
        while (balance.Next(connections[0], Nodes(connections)) is > 0 and var gaveUp)
        {
            Assert.True(++rounds < 20);
            connections[0] -= gaveUp;
            connections[1 + (rounds % 2)] += gaveUp;
        }

        Assert.InRange(connections[0], 334, 370);
    }

    [Fact]
    public void When_they_come_back_it_asks_ever_more_rarely()
    {
        var balance = new Balance();
        List<int> asked = [.. Enumerable.Range(0, 1000).Where(_ => balance.Next(100, Nodes(100, 0)) > 0)];

        var pauses = asked.Zip(asked.Skip(1), static (first, second) => second - first).ToList();
        Assert.Equal([5, 9, 17, 33, 65, 129, 241], pauses.Take(7));
    }

    private static NodeReport[] Nodes(params int[] connections) => [.. connections.Select(static (count, number) => new NodeReport($"node_{number}", count))];
}
