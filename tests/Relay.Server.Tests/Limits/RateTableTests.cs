using System.Net;
using Relay.Server.Limits;

namespace Relay.Server.Tests.Limits;

public sealed class RateTableTests
{
    private readonly FakeTimeProvider _clock = new();

    [Fact]
    public void A_bucket_is_full_at_first_and_fills_with_time()
    {
        var table = new RateTable<int>(perMinute: 3, _clock);

        Assert.Equal([2L, 1L, 0L], Enumerable.Range(0, 3).Select(_ => table.Take(1).Remaining));
        Assert.Equal(new Permit(false, 0, TimeSpan.FromSeconds(20)), table.Take(1) with { });
        Assert.True(table.Take(2).IsGranted);

        _clock.Advance(TimeSpan.FromSeconds(20.1));
        Assert.True(table.Take(1).IsGranted);
        Assert.False(table.Take(1).IsGranted);
        _clock.Advance(TimeSpan.FromHours(1));
        Assert.Equal([2L, 1L, 0L], Enumerable.Range(0, 3).Select(_ => table.Take(1).Remaining));
        Assert.False(table.Take(1).IsGranted);
    }

    [Fact]
    public void A_million_addresses_do_not_outgrow_it()
    {
        var table = new RateTable<ClientAddress>(perMinute: 10, _clock, most: 10_000);
        for (var i = 0u; i < 1_000_000; i++)
        {
            table.Take(ClientAddress.Of(new IPAddress(i)));
        }

        Assert.InRange(table.Count, 1, 10_000);
    }

    [Fact]
    public void What_is_still_counted_is_kept_before_what_is_full_again()
    {
        var table = new RateTable<int>(perMinute: 1, _clock, most: 1600);
        for (var key = 0; key < 1000; key++)
        {
            table.Take(key);
        }

        _clock.Advance(TimeSpan.FromMinutes(2));
        table.Take(-1);
        for (var key = 1000; key < 1600; key++)
        {
            table.Take(key);
        }

        Assert.False(table.Look(-1).IsGranted);
    }

    [Theory]
    [InlineData("203.0.113.7", "::ffff:203.0.113.7", true)]
    [InlineData("203.0.113.7", "203.0.113.8", false)]
    [InlineData("2001:db8:0:1::1", "2001:db8:0:1:ffff::2", true)]
    [InlineData("2001:db8:0:1::1", "2001:db8:0:2::1", false)]
    [InlineData("::1", "::ffff:0.0.0.1", false)]
    public void An_address_is_an_IPv4_address_or_a_64_of_IPv6(string one, string other, bool isSame) =>
        Assert.Equal(isSame, ClientAddress.Of(IPAddress.Parse(one)) == ClientAddress.Of(IPAddress.Parse(other)));
}
