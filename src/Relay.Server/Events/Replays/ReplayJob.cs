using System.Security.Cryptography;
using Relay.Protocol;

namespace Relay.Server.Events.Replays;

/// <summary>A replay of many events and how far it is. Add, End: the job's own task. Progress: any thread.</summary>
internal sealed class ReplayJob(RelayId agent, ReplayFilter filter, DateTimeOffset startedAt)
{
    private readonly Lock _gate = new();
    private State _state = State.Running;
    private int _found;
    private int _replayed;
    private int _failed;
    private string? _reason;
    private DateTimeOffset? _endedAt;

    private enum State
    {
        Running,
        Done,
        Failed,
    }

    public string Id { get; } = "rpl_" + RandomNumberGenerator.GetHexString(20, lowercase: true);

    public RelayId Agent => agent;

    public ReplayFilter Filter => filter;

    public bool IsRunning
    {
        get
        {
            lock (_gate)
            {
                return _state == State.Running;
            }
        }
    }

    public ReplayProgress Progress
    {
        get
        {
            lock (_gate)
            {
                return new ReplayProgress
                {
                    JobId = Id,
                    RelayId = agent.Value,
                    Status = _state switch { State.Running => "running", State.Done => "done", _ => "failed" },
                    Found = _found,
                    Replayed = _replayed,
                    Failed = _failed,
                    Reason = _reason,
                    StartedAt = startedAt.ToUnixTimeMilliseconds(),
                    EndedAt = _endedAt?.ToUnixTimeMilliseconds(),
                };
            }
        }
    }

    public void Found(int events)
    {
        lock (_gate)
        {
            _found = events;
        }
    }

    public void Add(int replayed, int failed)
    {
        lock (_gate)
        {
            _replayed += replayed;
            _failed += failed;
        }
    }

    /// <param name="reason">Why it failed; null: it is done.</param>
    /// <param name="now">The time.</param>
    public void End(string? reason, DateTimeOffset now)
    {
        lock (_gate)
        {
            (_state, _reason, _endedAt) = (reason is null ? State.Done : State.Failed, reason, now);
        }
    }
}
