using System.Globalization;
using System.Net.ServerSentEvents;
using System.Runtime.CompilerServices;
using System.Security.Cryptography;
using System.Text.Json;
using Relay.Protocol;

namespace Relay.Server.Activities;

/// <summary>
/// The last activities of all nodes, in a ring that every subscriber reads at its own pace: none has a buffer, none can hold up another,
/// and one whose place was overwritten is told that it missed something. Any thread.
/// </summary>
internal sealed class ActivityFeed(TimeProvider time)
{
    public const int MostSubscribers = 256;

    private const int RingSize = 4096;
    private const int BatchSize = 64;

    /// <summary>How often something is sent when nothing happens, so that proxies keep the connection.</summary>
    private static readonly TimeSpan KeepAlive = TimeSpan.FromSeconds(15);

    private readonly Lock _gate = new();

    /// <summary>Null: something was missed there.</summary>
    private readonly AgentActivity?[] _ring = new AgentActivity?[RingSize];

    /// <summary>Ids of an earlier process, of another node, or from before something was missed do not begin with this.</summary>
    private string _epoch = NewEpoch();

    private long _next = 1;
    private TaskCompletionSource? _changed;
    private int _subscribers;

    public bool HasReaders => Volatile.Read(ref _subscribers) > 0;

    /// <summary>False: there are as many subscribers as may be. Who joined must leave.</summary>
    public bool TryJoin()
    {
        if (Interlocked.Increment(ref _subscribers) <= MostSubscribers)
        {
            return true;
        }

        Leave();
        return false;
    }

    public void Leave() => Interlocked.Decrement(ref _subscribers);

    public void Publish(AgentActivity activity) => Add(activity);

    /// <summary>Something happened that is not told.</summary>
    public void PublishGap() => Add(activity: null);

    /// <summary>Much may have happened that is not told: who asks for what came after an earlier id is told that there is a gap.</summary>
    public void BeginAnew() => Volatile.Write(ref _epoch, NewEpoch());

    private void Add(AgentActivity? activity)
    {
        TaskCompletionSource? changed;
        lock (_gate)
        {
            _ring[_next++ % RingSize] = activity;
            (changed, _changed) = (_changed, null);
        }

        changed?.SetResult();
    }

    /// <summary>What happens from now on, or after the one named, until the cancellation, which ends it without an exception.</summary>
    /// <param name="only">Only what concerns this agent; null: all.</param>
    /// <param name="lastEventId">The id of the last item that the subscriber got; null: it is new.</param>
    /// <param name="cancellationToken">Ends it.</param>
    public async IAsyncEnumerable<SseItem<string>> ReadAsync(
        RelayId? only, string? lastEventId, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var (place, missed) = Begin(lastEventId);
        yield return new SseItem<string>("{}", "ready") { EventId = Id(place - 1) };

        var batch = new List<AgentActivity?>(BatchSize);
        while (!cancellationToken.IsCancellationRequested)
        {
            batch.Clear();
            var changed = Take(ref place, batch, ref missed);
            if (missed)
            {
                missed = false;
                yield return Gap();
            }

            for (var i = 0; i < batch.Count; i++)
            {
                if (batch[i] is not { } activity)
                {
                    yield return Gap();
                }
                else if (only is null || activity.Agent == only)
                {
                    var entry = ActivityEntry.From(activity);
                    yield return new SseItem<string>(JsonSerializer.Serialize(entry, ActivityJson.Default.ActivityEntry), Name(entry.Type))
                    {
                        EventId = Id(place - batch.Count + i),
                    };
                }
            }

            if (changed is not null && !await HappensAsync(changed, cancellationToken))
            {
                yield return new SseItem<string>("{}", "ping");
            }
        }
    }

    private static string NewEpoch() => RandomNumberGenerator.GetHexString(8, lowercase: true);

    private static SseItem<string> Gap() => new("{\"message\":\"Something was missed here. Ask the lists for it.\"}", "gap");

    private static string Name(ActivityType type) => JsonNamingPolicy.SnakeCaseLower.ConvertName(type.ToString());

    private string Id(long place) => string.Create(CultureInfo.InvariantCulture, $"{_epoch}-{place}");

    private (long Place, bool Missed) Begin(string? lastEventId)
    {
        lock (_gate)
        {
            if (string.IsNullOrEmpty(lastEventId))
            {
                return (_next, false);
            }

            return lastEventId.StartsWith(_epoch + "-", StringComparison.Ordinal)
                && long.TryParse(lastEventId.AsSpan(_epoch.Length + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var last)
                && last < _next
                ? (last + 1, false)
                : (_next, true);
        }
    }

    /// <summary>Takes what is next; when there is nothing, answers what ends when there is.</summary>
    private Task? Take(ref long place, List<AgentActivity?> batch, ref bool missed)
    {
        lock (_gate)
        {
            if (place < _next - RingSize)
            {
                missed = true;
                place = _next - RingSize;
            }

            while (place < _next && batch.Count < BatchSize)
            {
                batch.Add(_ring[place++ % RingSize]);
            }

            return batch.Count > 0 ? null : (_changed ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously)).Task;
        }
    }

    /// <returns>False: nothing happened for a while.</returns>
    private async Task<bool> HappensAsync(Task changed, CancellationToken cancellationToken)
    {
        try
        {
            await changed.WaitAsync(KeepAlive, time, cancellationToken);
            return true;
        }
        catch (TimeoutException)
        {
            return false;
        }
        catch (OperationCanceledException)
        {
            return true;
        }
    }
}
