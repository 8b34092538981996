using Relay.Protocol;
using Relay.Server.Activities;
using Relay.Server.Agents;
using Relay.Server.Delivery;
using Relay.Server.Storage;

namespace Relay.Server.HttpFallback;

/// <summary>Posts what a pump hands out to the agent's endpoint, and tells the pump what came of it. Any thread.</summary>
/// <param name="id">Whose events.</param>
/// <param name="services">What every delivery needs.</param>
/// <param name="reconsider">Called when it may be time to hold still, before the pump is told.</param>
/// <param name="cutOff">Ends posts that are on their way.</param>
internal sealed partial class EndpointSink(RelayId id, HttpDeliveryServices services, Action reconsider, CancellationToken cutOff) : IDeliverySink
{
    private static readonly TimeSpan ReconsideredAfter = TimeSpan.FromSeconds(1);

    private readonly Lock _gate = new();
    private readonly HashSet<Task> _posts = [];

    /// <summary>The endpoint that answered 410, as it is sealed: one that is set anew is sealed otherwise.</summary>
    private volatile string? _gone;

    /// <summary>Set before the pump is opened.</summary>
    public DeliveryPump Pump { private get; set; } = null!;

    public bool IsGone(Agent agent) => agent.SealedHttpEndpoint is { } endpoint && endpoint == _gone;

    public void Push(LeasedEvent leased)
    {
        lock (_gate)
        {
            _posts.RemoveWhere(static post => post.IsCompleted);
            _posts.Add(Task.Run(() => DeliverAsync(leased)));
        }
    }

    /// <summary>Waits for the posts that are on their way.</summary>
    public Task EndAsync()
    {
        lock (_gate)
        {
            return Task.WhenAll(_posts);
        }
    }

    void IDeliverySink.Flush(bool here)
    {
        // Each is a post of its own, begun.
    }

    void IDeliverySink.UnknownEvent(string id)
    {
        // What was posted is acknowledged here and nowhere else: the event was forgotten meanwhile.
    }

    void IDeliverySink.DueAt(DateTimeOffset due)
    {
        // The delivery ticks a few times a second for as long as there is one.
    }

    void IDeliverySink.Superseded()
    {
        // Nobody needs a claim to post.
    }

    /// <summary>Never throws.</summary>
    private async Task DeliverAsync(LeasedEvent leased)
    {
        Pump.Sent(leased);
        var began = services.Time.GetTimestamp();
        try
        {
            if (Probe.Is(leased))
            {
                await EndProbeAsync(leased);
            }
            else if (await services.Agents.FindAsync(id, cutOff) is not { HttpEndpoint: { } endpoint } agent || IsGone(agent))
            {
                Hold(leased, services.Time.GetUtcNow() + ReconsideredAfter);
            }
            else if (!services.Circuits.TryEnter(endpoint, out var retryAt))
            {
                Hold(leased, retryAt);
            }
            else
            {
                await PostAsync(leased, agent, endpoint, began);
            }
        }
        catch (OperationCanceledException) when (cutOff.IsCancellationRequested)
        {
            // The pump stops, and gives it back.
        }
        catch (StoreUnavailableException)
        {
            Hold(leased, services.Time.GetUtcNow() + ReconsideredAfter);
        }
        catch (Exception exception)
        {
            // Not the message: it may name the URL.
            PostFailed(services.Logger, leased.Id, id, $"{exception.GetType()}{Environment.NewLine}{exception.StackTrace}");
            Pump.Fail(leased.Id, AttemptOutcome.Nacked, "The relay failed to post it.", notBefore: null);
        }
    }

    private async Task PostAsync(LeasedEvent leased, Agent agent, Uri endpoint, long began)
    {
        var request = EndpointRequest.Create(endpoint, leased, agent, services.Time.GetUtcNow());
        var result = await services.Poster.PostAsync(request, cutOff);
        if (!result.IsTargetDown)
        {
            services.Circuits.Succeeded(endpoint);
        }
        else if (services.Circuits.Failed(endpoint, began) is { } length)
        {
            CircuitOpened(services.Logger, id, length.TotalSeconds, result.Reason);
        }

        if (result.Outcome == PostOutcome.Gone)
        {
            _gone = agent.SealedHttpEndpoint;
        }

        reconsider();
        if (result.Outcome == PostOutcome.Taken)
        {
            Pump.Ack(leased.Id.ToString());
            return;
        }

        var outcome = result.Outcome switch
        {
            PostOutcome.TimedOut => AttemptOutcome.TimedOut,
            PostOutcome.Unreachable => AttemptOutcome.ConnectionLost,
            _ => AttemptOutcome.Nacked,
        };
        Pump.Fail(leased.Id, outcome, result.Reason!, result.RetryAfter);
        if (result.Outcome == PostOutcome.Gone)
        {
            await DisableAsync(agent.SealedHttpEndpoint);
        }
    }

    /// <summary>It cannot be posted now, and that is not the agent's fault.</summary>
    private void Hold(LeasedEvent leased, DateTimeOffset until)
    {
        reconsider();
        Pump.Release(leased.Id, until);
    }

    /// <summary>A probe is for a connection: here it has come to its end, and whoever waits for it is not told that it went through.</summary>
    private async Task EndProbeAsync(LeasedEvent leased)
    {
        var now = services.Time.GetUtcNow();
        await services.Pump.Queue.SettleAsync(id, [new Settlement(leased.Id, SettlementKind.Ack, SessionId.PollOf(id), AttemptOutcome.Released)], now);
        Pump.Release(leased.Id, now);
    }

    /// <summary>Forgets the endpoint that is gone, if it is still the agent's. Its events stay, for connections and polls.</summary>
    private async Task DisableAsync(string? gone)
    {
        var disables = false;
        await services.Editor.ChangeAsync(
            id,
            agent => (disables = agent.SealedHttpEndpoint == gone) ? agent with { SealedHttpEndpoint = null, HttpEndpointGone = true } : agent);
        if (disables)
        {
            EndpointGone(services.Logger, id);
            services.Activities.Publish(new AgentActivity(id, ActivityType.EndpointGone, services.Time.GetUtcNow()) { Reason = "The endpoint answered 410." });
        }
    }

    [LoggerMessage(1602, LogLevel.Warning, "The endpoint of {Agent} answered 410 and is not used any more; set http_endpoint anew to use one")]
    private static partial void EndpointGone(ILogger logger, RelayId agent);

    [LoggerMessage(1603, LogLevel.Information, "The target of {Agent} does not work, nothing is posted to it for {Seconds} s: {Cause}")]
    private static partial void CircuitOpened(ILogger logger, RelayId agent, double seconds, string? cause);

    [LoggerMessage(1604, LogLevel.Error, "Event {Event} of {Agent} could not be posted: {Cause}")]
    private static partial void PostFailed(ILogger logger, EventId @event, RelayId agent, string cause);
}
