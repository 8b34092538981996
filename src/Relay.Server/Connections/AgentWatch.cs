using Relay.Protocol;
using Relay.Server.Agents;
using Relay.Server.Storage;

namespace Relay.Server.Connections;

/// <summary>
/// Tells a connection, or another long answer, what its agent is now, whenever that may have changed. One look at a time; what changes meanwhile is looked at
/// after it. While the store is down it is tried again.
/// <para>Look: any thread, never waits. EndAsync: once; nothing is told after it.</para>
/// </summary>
internal sealed partial class AgentWatch(IAgentWatcher watcher, RelayId id, TimeProvider time, ILogger logger)
{
    private static readonly TimeSpan RetryInterval = TimeSpan.FromMilliseconds(500);

    private readonly Lock _gate = new();
    private State _state;

    /// <summary>Who waits to try again waits for the end too.</summary>
    private TaskCompletionSource? _ended;
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
            _ended?.TrySetResult();
            run = _run;
        }

        await run;
    }

    private async Task RunAsync()
    {
        var failedBefore = false;
        do
        {
            try
            {
                var agent = await watcher.ReadAsync();
                failedBefore = false;
                if (!HasEnded())
                {
                    watcher.Tell(agent);
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
                await Task.WhenAny(EndedAsync(), Task.Delay(RetryInterval, time));
            }
        }
        while (MustLookAgain());
    }

    private bool HasEnded()
    {
        lock (_gate)
        {
            return _state == State.Ended;
        }
    }

    private Task EndedAsync()
    {
        lock (_gate)
        {
            _ended ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            return _state == State.Ended ? Task.CompletedTask : _ended.Task;
        }
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
                    (_state, _run) = (State.Idle, Task.CompletedTask);
                    return false;
                default:
                    return false;
            }
        }
    }

    [LoggerMessage(1206, LogLevel.Warning, "{Agent} may have changed and could not be read; it is tried again: {Cause}")]
    private static partial void NotLookedAt(ILogger logger, RelayId agent, string cause);
}

/// <summary>For whom an <see cref="AgentWatch"/> looks. Called without the watch's lock, one call at a time.</summary>
internal interface IAgentWatcher
{
    /// <returns>Null: there is no such agent any more.</returns>
    Task<Agent?> ReadAsync();

    /// <param name="agent">As it is now; null: as read.</param>
    void Tell(Agent? agent);
}
