namespace Relay.Server.Http;

/// <summary>
/// Tells of requests that the store could not take: the first at once, then once a second how many more there were. Not each: a log that cannot keep up
/// holds up who writes to it. Any thread.
/// </summary>
internal sealed partial class RefusalLog : IDisposable
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(1);

    private readonly Lock _gate = new();
    private readonly ILogger<RefusalLog> _logger;
    private readonly ITimer _timer;
    private bool _waits;
    private long _count;
    private string _requestId = "";
    private string _cause = "";

    public RefusalLog(ILogger<RefusalLog> logger, TimeProvider time)
    {
        _logger = logger;
        _timer = time.CreateTimer(static self => ((RefusalLog)self!).Tell(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    public void Add(string cause, string requestId)
    {
        lock (_gate)
        {
            _count++;
            (_cause, _requestId) = (cause, requestId);
            if (_waits)
            {
                return;
            }

            _waits = true;
        }

        Tell();
    }

    public void Dispose()
    {
        _timer.Dispose();
        Tell();
    }

    private void Tell()
    {
        long count;
        string cause, requestId;
        lock (_gate)
        {
            (count, cause, requestId) = (_count, _cause, _requestId);
            (_count, _waits) = (0, count > 0);
            if (count == 0)
            {
                return;
            }

            _timer.Change(Interval, Timeout.InfiniteTimeSpan);
        }

        Refused(_logger, count, requestId, cause);
    }

    [LoggerMessage(1001, LogLevel.Warning, "The store could not take {Count} requests since this was last said, {RequestId} the latest: {Cause}")]
    private static partial void Refused(ILogger logger, long count, string requestId, string cause);
}
