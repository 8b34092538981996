using StackExchange.Redis;

namespace Relay.Server.Storage.Redis;

/// <summary>
/// One connection to Redis and the script calls on it, sent in the order in which they are made. It outlives the multiplexers it uses.
/// <para>
/// When Redis has forgotten a script (restart, SCRIPT FLUSH), what comes after the first miss is held back until all that was sent is
/// answered; then all that missed and all that was held is sent in the old order, scripts loaded on the way.
/// </para>
/// <para>RunAsync and ExecuteAsync: any thread. Tick: one caller. Attach: one caller.</para>
/// </summary>
internal sealed class RedisLane
{
    private const int MostMisses = 3;

    private readonly Lock _gate = new();
    private ConnectionMultiplexer? _multiplexer;
    private IDatabase? _database;
    private LaneCall? _first;
    private LaneCall? _last;
    private int _connection;
    private int _sent;
    private bool _isReloading;
    private bool _isStalled;

    /// <summary>After how long a call is given up. The client sets async calls no limit (2.x does).</summary>
    public static readonly TimeSpan CallLimit = TimeSpan.FromSeconds(1.7);

    public ConnectionMultiplexer? Multiplexer => Volatile.Read(ref _multiplexer);

    /// <summary>Who listens on this lane.</summary>
    public LaneSignals Signals { get; }

    public RedisLane() => Signals = new LaneSignals(this);

    /// <summary>Runs a script. The call has its place in the order when this returns.</summary>
    /// <exception cref="StoreUnavailableException">By the task: it failed, or its outcome is unknown.</exception>
    public Task<RedisResult> RunAsync(RedisScript script, RedisKey key, params RedisValue[] arguments)
    {
        lock (_gate)
        {
            // A Redis that hangs would make a queue of every caller's bodies: after the first that got no answer, none is sent.
            if (_database is null || _isStalled)
            {
                return Task.FromException<RedisResult>(new StoreUnavailableException(_isStalled ? RedisErrors.NoAnswer : RedisErrors.NotConnected));
            }

            var call = new LaneCall(this, script, [key], arguments);
            Append(call);
            if (!_isReloading)
            {
                Send(call, byHash: true);
            }

            return call.Task;
        }
    }

    /// <summary>Runs a command outside the order.</summary>
    /// <exception cref="StoreUnavailableException">By the task.</exception>
    public async Task<T> ExecuteAsync<T>(Func<IDatabase, Task<T>> command, CancellationToken cancellationToken)
    {
        var database = Volatile.Read(ref _database) ?? throw new StoreUnavailableException(RedisErrors.NotConnected);
        try
        {
            return await command(database).WaitAsync(CallLimit, cancellationToken);
        }
        catch (Exception error) when (error is not OperationCanceledException)
        {
            throw RedisErrors.Translate(error);
        }
    }

    /// <summary>Gives up calls that have waited too long. To be called a few times a second.</summary>
    public void Tick()
    {
        var oldest = Environment.TickCount64 - (long)CallLimit.TotalMilliseconds;
        lock (_gate)
        {
            while (_first is { } call && call.MadeAt < oldest)
            {
                _isStalled = true;
                Remove(call);
                call.TrySetException(new StoreUnavailableException(RedisErrors.NoAnswer));
            }
        }
    }

    /// <summary>Redis answered something else on this connection: it does not hang.</summary>
    public void Answered()
    {
        lock (_gate)
        {
            _isStalled = false;
        }
    }

    /// <summary>Uses another multiplexer from now on, or none, and returns the one used before. Calls on that one have failed.</summary>
    public ConnectionMultiplexer? Attach(ConnectionMultiplexer? multiplexer)
    {
        lock (_gate)
        {
            var old = _multiplexer;
            _multiplexer = multiplexer;
            _database = multiplexer?.GetDatabase();
            _connection++;
            _sent = 0;
            _isReloading = false;
            _isStalled = false;
            while (_first is { } call)
            {
                Remove(call);
                call.TrySetException(new StoreUnavailableException(RedisErrors.NoAnswer));
            }

            return old;
        }
    }

    /// <param name="call">The call.</param>
    /// <param name="byHash">False: by its text, which makes the client load it first, on the right node of a cluster.</param>
    private void Send(LaneCall call, bool byHash)
    {
        call.Connection = _connection;
        _sent++;
        Task<RedisResult> answer;
        try
        {
            answer = byHash
                ? _database!.ScriptEvaluateAsync(call.Script.Hash, call.Keys, call.Arguments)
                : _database!.ScriptEvaluateAsync(call.Script.Text, call.Keys, call.Arguments);
        }
        catch (Exception error)
        {
            answer = Task.FromException<RedisResult>(error);
        }

        _ = answer.ContinueWith(
            static (answer, state) =>
            {
                var call = (LaneCall)state!;
                call.Lane.Finish(call, answer);
            },
            call, CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
    }

    private void Finish(LaneCall call, Task<RedisResult> answer)
    {
        var error = answer.Exception?.InnerException;
        lock (_gate)
        {
            if (call.Connection != _connection)
            {
                return; // Given up when the connection was replaced.
            }

            _sent--;
            if (error is null || RedisErrors.IsAnswer(error))
            {
                _isStalled = false;
            }

            if (call.IsListed)
            {
                if (RedisErrors.IsUnknownScript(error) && ++call.Misses < MostMisses)
                {
                    _isReloading = true;
                }
                else
                {
                    Remove(call);
                    Complete(call, answer, error);
                }
            }

            if (_isReloading && _sent == 0)
            {
                Resend();
            }
        }
    }

    /// <summary>All that is listed missed or was held back, and is in order. Sending may finish a call at once, so the next is looked up before.</summary>
    private void Resend()
    {
        _isReloading = false;
        for (var call = _first; call is not null;)
        {
            var next = call.Next;
            Send(call, byHash: false);
            call = next;
        }
    }

    private static void Complete(LaneCall call, Task<RedisResult> answer, Exception? error)
    {
        if (error is null && answer.IsCompletedSuccessfully)
        {
            call.TrySetResult(answer.Result);
        }
        else
        {
            call.TrySetException(RedisErrors.Translate(error ?? new TaskCanceledException(answer)));
        }
    }

    private void Append(LaneCall call)
    {
        call.IsListed = true;
        call.Previous = _last;
        if (_last is null)
        {
            _first = call;
        }
        else
        {
            _last.Next = call;
        }

        _last = call;
    }

    private void Remove(LaneCall call)
    {
        call.IsListed = false;
        if (call.Previous is null)
        {
            _first = call.Next;
        }
        else
        {
            call.Previous.Next = call.Next;
        }

        if (call.Next is null)
        {
            _last = call.Previous;
        }
        else
        {
            call.Next.Previous = call.Previous;
        }
    }
}
