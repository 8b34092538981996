using Relay.Protocol;
using Relay.Server.Agents;
using Relay.Server.Storage;

namespace Relay.Server.Connections;

/// <summary>
/// Tells a connection, or another long answer, what its agent is now, whenever that may have changed. One look at a time; what changes meanwhile is looked at
/// after it. While the store is down it is tried again.
/// <para>Read answers null when there is no such agent any more. Look: any thread, never waits. EndAsync: once; nothing is told after it.</para>
/// </summary>
internal sealed partial class AgentWatch(RelayId id, Func<Task<Agent?>> read, Action<Agent?> tell, TimeProvider time, ILogger logger)
{
    private static readonly TimeSpan RetryInterval = TimeSpan.FromMilliseconds(500);

    private readonly Lock _gate = new();
    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private State _state;
    private Task _run = Task.CompletedTask;

    private enum State
    {
        Idle,

        Looking,

        /// <summary>The agent may have changed since the look began.</summary>
        LookingAgainAfter,

        Ended,
    }

    /// <summary>The agent may have changed.</summary>
    public void Look()
    {
        lock (_gate)
        {
            switch (_state)
            {
                case State.Idle:
                    _state = State.Looking;
                    _run = Task.Run(RunAsync);
                    break;
                case State.Looking:
                    _state = State.LookingAgainAfter;
                    break;
                default:
                    break;
            }
        }
    }

    public async Task EndAsync()
    {
        Task run;
        lock (_gate)
        {
            _state = State.Ended;
            run = _run;
        }

        _ended.TrySetResult();
        await run;
    }

    private async Task RunAsync()
    {
        var failedBefore = false;
        do
        {
            try
            {
                var agent = await read();
                failedBefore = false;
                if (!_ended.Task.IsCompleted)
                {
                    tell(agent);
                }
            }
            catch (Exception exception)
            {
                if (!failedBefore)
                {
                    NotLookedAt(logger, id, exception is StoreUnavailableException ? exception.Message : exception.ToString());
                }

                failedBefore = true;
                Look();
                await Task.WhenAny(_ended.Task, Task.Delay(RetryInterval, time));
            }
        }
        while (MustLookAgain());
    }

    private bool MustLookAgain()
    {
        lock (_gate)
        {
            switch (_state)
            {
                case State.LookingAgainAfter:
                    _state = State.Looking;
                    return true;
                case State.Looking:
                    _state = State.Idle;
                    return false;
                default:
                    return false;
            }
        }
    }

    [LoggerMessage(1206, LogLevel.Warning, "{Agent} may have changed and could not be read; it is tried again: {Cause}")]
    private static partial void NotLookedAt(ILogger logger, RelayId agent, string cause);
}
