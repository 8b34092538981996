using Relay.Server.HttpFallback;

namespace Relay.Server.Tests.HttpFallback;

public sealed class TargetCircuitTests
{
    private static readonly Uri Target = new("https://one.example/a");
    private static readonly Uri SameTarget = new("https://ONE.example:443/b?c");
    private static readonly Uri OtherTarget = new("https://one.example:8443/a");

    private readonly FakeTimeProvider _clock = new();
    private readonly TargetCircuits _circuits;

    public TargetCircuitTests() => _circuits = new TargetCircuits(_clock);

    [Fact]
    public void It_opens_after_failures_in_a_row_for_this_target_alone()
    {
        Fail(TargetCircuits.FailuresToOpen - 1);
        _circuits.Succeeded(SameTarget);
        Fail(TargetCircuits.FailuresToOpen - 1);
        Assert.Equal(CircuitState.Closed, _circuits.Look(Target));

        Assert.Equal(TargetCircuits.FirstBreak, _circuits.Failed(SameTarget, _clock.GetTimestamp()));

        Assert.Equal(CircuitState.Open, _circuits.Look(Target));
        Assert.False(_circuits.TryEnter(Target, out var retryAt));
        Assert.Equal(_clock.GetUtcNow() + TargetCircuits.FirstBreak, retryAt);
        Assert.True(_circuits.TryEnter(OtherTarget, out _));
    }

    [Fact]
    public void One_is_tried_when_the_break_is_over_and_its_success_closes_it()
    {
        Fail(TargetCircuits.FailuresToOpen);
        _clock.Advance(TargetCircuits.FirstBreak);
        Assert.Equal(CircuitState.HalfOpen, _circuits.Look(Target));

        Assert.True(_circuits.TryEnter(Target, out _));
        Assert.False(_circuits.TryEnter(Target, out _));

        _circuits.Succeeded(Target);
        Assert.True(_circuits.TryEnter(Target, out _));
        Assert.Equal(CircuitState.Closed, _circuits.Look(Target));
    }

    [Fact]
    public void A_trial_that_fails_doubles_the_break_up_to_a_limit()
    {
        Fail(TargetCircuits.FailuresToOpen);
        for (var length = 2 * TargetCircuits.FirstBreak; length <= TimeSpan.FromMinutes(5); length *= 2)
        {
            Enter();
            Assert.Equal(length, _circuits.Failed(Target, _clock.GetTimestamp()));
        }

        Enter();
        Assert.Equal(TimeSpan.FromMinutes(5), _circuits.Failed(Target, _clock.GetTimestamp()));
    }

    [Fact]
    public void What_was_under_way_when_it_opened_does_not_lengthen_the_break()
    {
        var began = _clock.GetTimestamp();
        _clock.Advance(TimeSpan.FromSeconds(1));
        Fail(TargetCircuits.FailuresToOpen);
        Assert.Null(_circuits.Failed(Target, began));

        _clock.Advance(TargetCircuits.FirstBreak);
        Assert.True(_circuits.TryEnter(Target, out _));
        Assert.Null(_circuits.Failed(Target, began));
        Assert.Equal(2 * TargetCircuits.FirstBreak, _circuits.Failed(Target, _clock.GetTimestamp()));
    }

    [Fact]
    public void A_clock_that_goes_back_does_not_lengthen_the_break()
    {
        Fail(TargetCircuits.FailuresToOpen);
        _clock.SetBack(TimeSpan.FromHours(1));

        Assert.True(_circuits.TryEnter(Target, out _));
    }

    [Fact]
    public void A_trial_that_nobody_ends_does_not_hold_it_for_ever()
    {
        Fail(TargetCircuits.FailuresToOpen);
        Enter();

        Enter();
    }

    private void Fail(int times)
    {
        for (var i = 0; i < times; i++)
        {
            _circuits.Failed(Target, _clock.GetTimestamp());
        }
    }

    private void Enter()
    {
        _clock.Advance(TimeSpan.FromMinutes(5));
        Assert.True(_circuits.TryEnter(Target, out _));
    }
}
