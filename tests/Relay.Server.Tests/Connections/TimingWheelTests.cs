using Microsoft.Extensions.Logging.Abstractions;
using Relay.Server.Connections;

namespace Relay.Server.Tests.Connections;

public sealed class TimingWheelTests
{
    private static readonly TimeSpan Step = TimingWheel.Step;
    private readonly FakeTimeProvider _clock = new();
    private readonly TimingWheel _wheel;

    public TimingWheelTests() => _wheel = new TimingWheel(_clock, NullLogger<TimingWheel>.Instance);

    private DateTimeOffset Now => _clock.GetUtcNow();

    [Fact]
    public void Nothing_gets_a_tick_late_or_twice_and_what_is_not_due_costs_nothing()
    {
        var random = new Random(1);
        Ticked[] items = [.. Enumerable.Range(0, 2000).Select(_ => new Ticked())];
        foreach (var item in items)
        {
            item.Wish(Now + (Step * (random.NextDouble() * 200)), _wheel);
        }

        for (var i = 0; i < 250; i++)
        {
            // By and by some want it earlier.
            var hurried = items[random.Next(items.Length)];
            if (hurried.Wanted > Now)
            {
                hurried.Wish(Now + (Step * (random.NextDouble() * 3)), _wheel);
            }

            Pass(Step);
            Assert.All(items, item => Assert.True(item.Wanted > Now, $"Due at {item.Wanted:O}, not ticked at {Now:O}"));
        }

        Assert.All(items, static item => Assert.InRange(item.Count, 1, 2 * item.Wishes)); // One may come a little early: in its step.
    }

    [Fact]
    public void What_is_due_far_away_comes_in_time()
    {
        var item = new Ticked();
        item.Wish(Now + TimeSpan.FromHours(1), _wheel);
        for (var i = 0; i < 4 * 3600; i++)
        {
            Assert.True(item.Wanted > Now);
            Pass(Step);
        }

        Assert.Equal(DateTimeOffset.MaxValue, item.Wanted);
        Assert.InRange(item.Count, 1, 64);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(255)]
    [InlineData(256)]
    [InlineData(100_000)]
    public void A_clock_that_jumps_on_loses_no_tick(int steps)
    {
        Ticked[] items = [.. Enumerable.Range(0, 300).Select(_ => new Ticked())];
        for (var i = 0; i < items.Length; i++)
        {
            items[i].Wish(Now + (Step * i), _wheel);
        }

        Pass(Step * steps);

        Assert.Equal(Math.Min(steps + 1, items.Length), items.Count(static item => item.Wanted == DateTimeOffset.MaxValue));
    }

    [Fact]
    public void A_clock_that_is_set_back_stops_nothing()
    {
        var before = new Ticked();
        before.Wish(Now + (Step * 4), _wheel);
        Pass(TimeSpan.Zero);

        _clock.SetBack(TimeSpan.FromHours(1));
        _wheel.Advance();
        var after = new Ticked();
        after.Wish(Now + (Step * 4), _wheel);
        Assert.Equal(1, before.Count); // It is asked again when it wants to be called.
        for (var i = 0; i < 4; i++)
        {
            Assert.Equal(0, after.Count);
            Pass(Step);
        }

        Assert.Equal(1, after.Count);
    }

    [Fact]
    public void What_was_removed_gets_no_tick_and_cannot_be_put_back()
    {
        var (removed, other) = (new Ticked(), new Ticked());
        removed.Wish(Now + Step, _wheel);
        other.Wish(Now + Step, _wheel);
        _wheel.Remove(removed);
        removed.Wish(Now + Step, _wheel);
        _wheel.Remove(removed);

        Pass(Step * 10);

        Assert.Equal((0, 1), (removed.Count, other.Count));
    }

    [Fact]
    public void A_tick_that_fails_costs_no_other_and_is_repeated()
    {
        var (broken, other) = (new Ticked { Fails = true }, new Ticked());
        broken.Wish(Now + Step, _wheel);
        other.Wish(Now + Step, _wheel);

        Pass(Step);
        Pass(Step);

        Assert.Equal((2, 1), (broken.Count, other.Count));
    }

    [Fact]
    public async Task Who_hurries_an_item_while_it_ticks_is_not_overheard()
    {
        Ticked[] items = [.. Enumerable.Range(0, 64).Select(_ => new Ticked())];
        var rounds = 0;
        using var over = new CancellationTokenSource();
        var hurrying = Task.Run(() =>
        {
            for (var i = 0; !over.IsCancellationRequested; i++)
            {
                items[i % items.Length].Hurry(Now, _wheel);
            }
        });
        while (rounds++ < 2000)
        {
            Pass(Step);
        }

        await over.CancelAsync();
        await hurrying;
        Pass(Step);
        Assert.All(items, static item => Assert.Equal(DateTimeOffset.MaxValue, item.Wanted));
    }

    private void Pass(TimeSpan time)
    {
        _clock.Advance(time);
        _wheel.Advance();
    }

    private sealed class Ticked : TimingWheel.Item
    {
        private readonly Lock _gate = new();

        /// <summary>When it wants to be called, by its own account.</summary>
        public DateTimeOffset Wanted { get; private set; } = DateTimeOffset.MaxValue;

        public int Count { get; private set; }

        public int Wishes { get; private set; }

        public bool Fails { get; init; }

        public void Wish(DateTimeOffset due, TimingWheel wheel)
        {
            lock (_gate)
            {
                (Wanted, Wishes) = (due, Wishes + 1);
                wheel.Schedule(this, due);
            }
        }

        /// <summary>Wishes it if it does not wish anything now.</summary>
        public void Hurry(DateTimeOffset due, TimingWheel wheel)
        {
            lock (_gate)
            {
                if (Wanted == DateTimeOffset.MaxValue)
                {
                    Wanted = due;
                    wheel.Schedule(this, due);
                }
            }
        }

        public override DateTimeOffset Tick(DateTimeOffset now)
        {
            lock (_gate)
            {
                Count++;
                Wanted = now < Wanted ? Wanted : DateTimeOffset.MaxValue;
                return Fails ? throw new InvalidOperationException("As told.") : Wanted;
            }
        }
    }
}
