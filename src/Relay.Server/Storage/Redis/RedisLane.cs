using StackExchange.Redis;

namespace Relay.Server.Storage.Redis;

/// <summary>
/// One connection to Redis and the script calls on it, sent in the order in which they are made. It outlives the multiplexers it uses.
/// <para>
/// When Redis has forgotten a script (restart, SCRIPT FLUSH), what comes after the first miss is held back until all that was sent is
/// answered; then all that missed and all that was held is sent in the old order, scripts loaded on the way.
/// </para>
/// <para>
/// Calls of a script that takes many are held back while such calls are on their way, and then sent together: the busier, the fewer
/// round trips. They wait no longer than until as many are held as are on their way, so that a busy Redis has its next work before it has answered.
/// Not in a cluster, where one server that does not answer must not hold up the others' calls.
/// </para>
/// <para>Run, RunAsync and ExecuteAsync: any thread. Tick: one caller. Attach: one caller.</para>
/// </summary>
internal sealed class RedisLane
{
    /// <summary>Calls that may be without an answer; beyond it no event is accepted, while what makes room still is taken.</summary>
    private const int MostPending = 16_384;

    /// <summary>The same for their bytes; one event may have more.</summary>
    private const long MostPendingBytes = 64 << 20;

    private const int MostMisses = 3;

    /// <summary>How far calls are looked for that may go together.</summary>
    private const int MostLooked = 512;

    /// <summary>Fewer calls are not worth a message of their own while others are on their way.</summary>
    private const int FewestAhead = 48;

    private readonly Lock _gate = new();
    private readonly CallList _calls = new();
    private ConnectionMultiplexer? _multiplexer;
    private IDatabase? _database;

    /// <summary>Messages of scripts that take many that were sent since <see cref="_period"/> began and are not answered.</summary>
    private int _gathered;

    /// <summary>Counts on when nothing that was sent is awaited any more.</summary>
    private int _period;
    private bool _isCluster;

    /// <summary>A script was missing: calls are held back.</summary>
    private bool _isReloading;

    /// <summary>When Redis last answered a call, by the machine's own clock, in ms.</summary>
    private long _answeredAt;

    /// <summary>A call got no answer in time, and nothing has been answered since.</summary>
    private volatile bool _isStalled;

    /// <summary>What the last probe saw.</summary>
    private volatile Service _service = Service.Whole;

    /// <summary>Why there is no multiplexer, or none that could take the place of the one in use.</summary>
    private volatile string? _cause;

    /// <summary>1: a replica has refused a call.</summary>
    private int _replicaAnswered;

    /// <summary>After how long without an answer to any, calls are given up. The client sets async calls no limit (2.x does).</summary>
    public static readonly TimeSpan CallLimit = TimeSpan.FromSeconds(1.7);

    /// <summary>After how long a call is given up although others are answered: it waits its turn in a burst.</summary>
    private static readonly TimeSpan BurstLimit = TimeSpan.FromSeconds(10);

    public ConnectionMultiplexer? Multiplexer => Volatile.Read(ref _multiplexer);

    private bool IsEnoughHeld => _gathered == 0 || _calls.HeldCount >= Math.Max(FewestAhead, _calls.SentCount);

    /// <summary>Who listens on this lane.</summary>
    public LaneSignals Signals { get; }

    public RedisLane() => Signals = new LaneSignals(this);

    /// <summary>Runs a script. The call has its place in the order when this returns.</summary>
    /// <param name="script">The script.</param>
    /// <param name="key">It touches this key and others with its hash tag, which it must have.</param>
    /// <param name="arguments">The script's.</param>
    /// <exception cref="StoreUnavailableException">By the task: it failed, or its outcome is unknown.</exception>
    public Task<RedisResult> RunAsync(RedisScript script, string key, params RedisValue[] arguments) => RunAsync(script, key, 0, arguments);

    /// <summary>The same, for a script that takes many.</summary>
    /// <param name="script">The script.</param>
    /// <param name="key">As above.</param>
    /// <param name="sizeBytes">About how many bytes the arguments have, or as many as keep Redis busy for as long: it bounds what is gathered.</param>
    /// <param name="arguments">The script's; as many for each call.</param>
    public Task<RedisResult> RunAsync(RedisScript script, string key, long sizeBytes, RedisValue[] arguments)
    {
        var call = new ScriptCall(script, key, arguments, sizeBytes);
        Run(call);
        return call.Task;
    }

    /// <summary>Takes a call. It has its place in the order when this returns.</summary>
    public void Run(LaneCall call)
    {
        lock (_gate)
        {
            // A Redis that hangs would make a queue of every caller's bodies: after the first that got no answer, none is sent.
            if (_database is null || _isStalled)
            {
                call.Fail(new StoreUnavailableException(_isStalled ? RedisErrors.NoAnswer : _cause ?? RedisErrors.NotConnected));
                return;
            }

            if (call.Script == RedisScript.Accept && (_calls.SentCount + _calls.HeldCount >= MostPending || (_calls.SizeBytes > 0 && _calls.SizeBytes + call.SizeBytes > MostPendingBytes)))
            {
                call.Fail(new StoreUnavailableException(RedisErrors.TooSlow));
                return;
            }

            _calls.Append(call);
            if (!_isReloading && (!call.Script.TakesMany || _isCluster || IsEnoughHeld))
            {
                SendHeld(byHash: true);
            }
        }
    }

    /// <summary>Runs a command outside the order.</summary>
    /// <exception cref="StoreUnavailableException">By the task.</exception>
    public async Task<T> ExecuteAsync<T>(Func<IDatabase, Task<T>> command, CancellationToken cancellationToken)
    {
        var database = Volatile.Read(ref _database) ?? throw new StoreUnavailableException(_cause ?? RedisErrors.NotConnected);
        if (_isStalled)
        {
            throw new StoreUnavailableException(RedisErrors.NoAnswer);
        }

        try
        {
            return await command(database).WaitAsync(CallLimit, cancellationToken);
        }
        catch (TimeoutException error)
        {
            _isStalled = _service != Service.Partial;
            throw RedisErrors.Translate(error);
        }
        catch (Exception error) when (error is not OperationCanceledException)
        {
            if (database == Volatile.Read(ref _database))
            {
                NoteReplica(error);
            }

            throw RedisErrors.Translate(error);
        }
    }

    /// <summary>Gives up calls that have waited too long. To be called a few times a second.</summary>
    public void Tick()
    {
        var now = Environment.TickCount64;
        lock (_gate)
        {
            // Of a cluster that has lost a part, the others' answers say nothing about a call.
            var answered = _service == Service.Partial ? 0 : _answeredAt;
            while (_calls.First is { } call && (IsOver(CallLimit, Math.Max(call.MadeAt, answered)) || IsOver(BurstLimit, call.MadeAt)))
            {
                _isStalled = _service != Service.Partial;
                GiveUp(call);
            }

            if (_calls.SentCount == 0)
            {
                BeginPeriod();
            }

            Resume();
        }

        bool IsOver(TimeSpan limit, long since) => now - since > limit.TotalMilliseconds;
    }

    /// <summary>What a probe on this connection saw just now. What answers does not hang.</summary>
    public void Note(Service service)
    {
        _service = service;
        if (service != Service.None)
        {
            _isStalled = false;
        }
    }

    /// <summary>Why no connection can be made now. Answers whether that is news since the last was made.</summary>
    public bool NoteCause(string cause)
    {
        var isNews = cause != _cause;
        _cause = cause;
        return isNews;
    }

    /// <summary>Whether Redis has answered a call since then.</summary>
    /// <param name="since">By <see cref="Environment.TickCount64"/>.</param>
    public bool HasAnswered(long since)
    {
        lock (_gate)
        {
            return _answeredAt >= since;
        }
    }

    /// <summary>Whether a replica has refused a call since this was last asked.</summary>
    public bool TakeReplicaAnswer() => Interlocked.Exchange(ref _replicaAnswered, 0) == 1;

    /// <summary>Uses another multiplexer from now on, or none, and returns the one used before. Gives up all calls on that one.</summary>
    public ConnectionMultiplexer? Attach(ConnectionMultiplexer? multiplexer)
    {
        lock (_gate)
        {
            var old = _multiplexer;
            _multiplexer = multiplexer;
            _database = multiplexer?.GetDatabase();
            _isCluster = multiplexer is not null && RedisServers.IsCluster(multiplexer);
            while (_calls.First is { } call)
            {
                GiveUp(call);
            }

            BeginPeriod();

            _isReloading = false;
            _isStalled = false;
            _service = Service.Whole;
            _cause = null;
            return old;
        }
    }

    /// <summary>Of a call that is still awaited: what a connection says that was replaced is no news.</summary>
    private void NoteReplica(Exception? error)
    {
        if (RedisErrors.IsFromReplica(error))
        {
            Volatile.Write(ref _replicaAnswered, 1);
        }
    }

    private void GiveUp(LaneCall call)
    {
        _calls.End(call);
        call.Fail(new StoreUnavailableException(RedisErrors.NoAnswer));
    }

    private void BeginPeriod()
    {
        _period++;
        _gathered = 0;
    }

    /// <summary>Sends all that is held, in order.</summary>
    /// <param name="byHash">False: by the scripts' texts, which makes the client load them first, on the right node of a cluster.</param>
    private void SendHeld(bool byHash)
    {
        // Sending may end a call at once, which may send too: each is taken before it is sent.
        while (_calls.FirstHeld is { } first)
        {
            var message = new LaneMessage(this, first, _period);
            _calls.Send(first);
            if (!_isCluster)
            {
                Gather(message, first);
            }

            Send(message, byHash);
        }
    }

    /// <summary>Takes into the message what was made after its first call and may go with it. Calls for one key keep their order.</summary>
    private void Gather(LaneMessage message, LaneCall first)
    {
        HashSet<string>? passed = null;
        var looked = 0;
        for (var call = first.Next; call is not null && !message.IsFull && looked < MostLooked; call = call.Next, looked++)
        {
            if (call.State != CallState.Held)
            {
                continue;
            }

            if (passed?.Contains(call.Key) != true && message.TryAdd(call))
            {
                _calls.Send(call);
            }
            else
            {
                (passed ??= []).Add(call.Key);
            }
        }
    }

    private void Send(LaneMessage message, bool byHash)
    {
        _gathered += message.Script.TakesMany ? 1 : 0;
        Task<RedisResult> answer;
        try
        {
            answer = byHash
                ? _database!.ScriptEvaluateAsync(message.Script.Hash, message.Keys(), message.Arguments())
                : _database!.ScriptEvaluateAsync(message.Script.Text, message.Keys(), message.Arguments());
        }
        catch (Exception error)
        {
            answer = Task.FromException<RedisResult>(error);
        }

        _ = answer.ContinueWith(
            static (answer, state) =>
            {
                var message = (LaneMessage)state!;
                message.Lane.Finish(message, answer);
            },
            message, CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
    }

    private void Finish(LaneMessage message, Task<RedisResult> answer)
    {
        RedisResult[] answers = [];
        Exception? error = null;
        if (answer.IsCompletedSuccessfully)
        {
            answers = message.Script.TakesMany ? (RedisResult[])answer.Result! : [answer.Result];
        }
        else
        {
            error = answer.Exception?.InnerException ?? new TaskCanceledException(answer);
        }

        lock (_gate)
        {
            if (error is null || RedisErrors.IsAnswer(error))
            {
                _answeredAt = Environment.TickCount64;
                _isStalled = false;
            }

            if (message.Script.TakesMany && message.Period == _period)
            {
                _gathered--;
            }

            for (var i = 0; i < message.Calls.Count; i++)
            {
                var call = message.Calls[i];
                if (call.State == CallState.Ended)
                {
                    continue; // Given up before.
                }

                NoteReplica(error);
                if (RedisErrors.IsUnknownScript(error) && ++call.Misses < MostMisses)
                {
                    _calls.Hold(call);
                    _isReloading = true;
                    continue;
                }

                _calls.End(call);
                if (error is not null)
                {
                    call.Fail(RedisErrors.Translate(error));
                }
                else if (message.Script.TakesMany && answers[call.AnswerNumber].ToString() is ['!', .. var why])
                {
                    call.Fail(new StoreUnavailableException(RedisErrors.Explain(why)));
                }
                else
                {
                    call.Succeed(answers[call.AnswerNumber]);
                }
            }

            Resume();
        }
    }

    /// <summary>Sends what is held, if there is nothing to wait for any more.</summary>
    private void Resume()
    {
        if (_isReloading && _calls.SentCount == 0)
        {
            // All that is listed is held, and in order.
            _isReloading = false;
            _calls.LookFromFirst();
            SendHeld(byHash: false);
        }
        else if (!_isReloading && IsEnoughHeld && _database is not null)
        {
            SendHeld(byHash: true);
        }
    }
}
