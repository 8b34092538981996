using Relay.Protocol;
using Relay.Server.Activities;
using Relay.Server.Agents;
using Relay.Server.Delivery;

namespace Relay.Server.Connections;

/// <content>How the agent is claimed for this connection, and what is heard of it afterwards.</content>
internal sealed partial class AgentConnection
{
    /// <summary>Claims the agent for this connection and begins to deliver.</summary>
    private async Task OpenAsync(Agent agent, int? maxInFlight)
    {
        _agent = agent;
        _session = agent.Policy.Connections == ConnectionMode.Shared ? _session.AsShared() : _session;
        _pump = new DeliveryPump(agent.Id, agent.ConnectionPolicy, _session, maxInFlight, this, _services.Pump);
        _watch = new AgentWatch(this, agent.Id, _services.Time, _services.Logger);
        _subscription = await _services.Pump.Queue.SubscribeAsync(agent.Id, OnSignal);

        // It may have changed since its key was checked, before anybody here would have been told.
        _watch.Look();
        if (!_session.NeedsClaim && (_agentSeat = await _services.Seats.TakeAsync(agent.Id)) is null)
        {
            Stop(StopReason.TooManyOfAgent);
            return;
        }

        // An agent that lost this connection meanwhile may be back on another, which this one must not take over.
        if (_request.HttpContext.RequestAborted.IsCancellationRequested)
        {
            Stop(StopReason.Lost);
            return;
        }

        if (await _services.Registry.EnterAsync(this, agent.Id) is not { } claimed)
        {
            Stop(StopReason.Replaced);
            return;
        }

        _gaps = claimed.Gaps.Count == 0 ? null : new GapNotice(_services.Pump.Queue, agent.Id, claimed.Gaps, _services.Logger);
        lock (_gate)
        {
            if (_state != State.Opening)
            {
                return;
            }

            _state = State.Open;
            _nextPing = Now + _services.Options.Value.PingInterval;
            _services.Wheel.Schedule(this, NextDue(Now));
            _outbound.Send(new AuthSuccessMessage
            {
                RelayId = agent.Id.Value,
                WebhookUrl = _services.Urls.For(agent.Id, _request),
                SessionId = _session.Value,
                Timestamp = Now.ToUnixTimeMilliseconds(),
                Pending = claimed.Unsettled,
            });
            foreach (var gap in _gaps?.Messages ?? [])
            {
                _outbound.Send(gap);
            }
        }

        Opened(_services.Logger, _session, agent.Id, agent.Policy.Window(maxInFlight), claimed.Unsettled);
        Tell(ActivityType.Connected, reason: null);
        _pump.Open();
    }

    /// <summary>A claim by another session is only believed when the queue says so too: signals may be old.</summary>
    private void OnSignal(QueueSignal signal)
    {
        if (signal.AgentChanged)
        {
            _watch!.Look();
        }

        if (signal.TurnOf is { } turn && turn != _session && _session.IsSharing)
        {
            _pump!.WakeLater();
        }
        else if (signal.ClaimedBy is null)
        {
            _pump!.Wake();
        }
        else if (!_session.NeedsClaim)
        {
            // A claim means that the agent's connections may not share it any more.
            _watch!.Look();
        }
        else if (signal.ClaimedBy != _session)
        {
            _pump!.DoubtClaim();
        }
    }

    Task<Agent?> IAgentWatcher.ReadAsync() => _services.Agents.ReloadAsync(_agent!, CancellationToken.None);

    /// <param name="agent">As it is now; null: it was deactivated, or its key opens nothing any more.</param>
    void IAgentWatcher.Tell(Agent? agent)
    {
        if (agent is null)
        {
            Stop(StopReason.Deactivated);
            return;
        }

        if (agent.Policy.Connections == ConnectionMode.Exclusive != _session.NeedsClaim)
        {
            Stop(StopReason.SettingsChanged);
            return;
        }

        _pump!.Apply(agent.ConnectionPolicy);
        lock (_gate)
        {
            _agent = agent;
            _services.Wheel.Schedule(this, NextDue(Now));
        }
    }

    /// <summary>A lost signal of a change costs at most the time between two pings.</summary>
    private void LookIfSignalsAreLost()
    {
        if (_services.Pump.Queue.LosesSignals)
        {
            _watch!.Look();
        }
    }
}
