using System.Globalization;
using System.Net.ServerSentEvents;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
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

    /// <summary>An agent's key alone must not keep administrators out.</summary>
    public const int MostOfOneAgent = 16;

    private const int RingSize = 4096;
    private const int BatchSize = 64;

    /// <summary>After how long without anything for it a subscriber is sent something, so that proxies keep the connection, and a dead one is noticed.</summary>
    private static readonly TimeSpan KeepAlive = TimeSpan.FromSeconds(15);

    private readonly Lock _gate = new();

    /// <summary>Null: something was missed there.</summary>
    private readonly AgentActivity?[] _ring = new AgentActivity?[RingSize];

    /// <summary>Ids of an earlier process, of another node, or from before something was missed do not begin with this.</summary>
    private string _epoch = NewEpoch();

    private long _next = 1;
    private TaskCompletionSource? _changed;
    private readonly Dictionary<RelayId, int> _byAgent = [];
    private int _subscribers;

    public bool HasReaders => Volatile.Read(ref _subscribers) > 0;

    /// <summary>False: there are as many subscribers as may be. Who joined must leave.</summary>
    /// <param name="only">The agent, if one reads its own.</param>
    public bool TryJoin(RelayId? only)
    {
        lock (_gate)
        {
            var own = only is { } agent ? _byAgent.GetValueOrDefault(agent) : 0;
            if (_subscribers >= MostSubscribers || own >= MostOfOneAgent)
            {
                return false;
            }

            _subscribers++;
            if (only is { } joined)
            {
                _byAgent[joined] = own + 1;
            }

            return true;
        }
    }

    public void Leave(RelayId? only)
    {
        lock (_gate)
        {
            _subscribers--;
            if (only is { } agent && --CollectionsMarshal.GetValueRefOrAddDefault(_byAgent, agent, out _) <= 0)
            {
                _byAgent.Remove(agent);
            }
        }
    }

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
        var toldAt = time.GetTimestamp();
        yield return new SseItem<string>("{}", "ready") { EventId = Id(place - 1) };

        var batch = new List<AgentActivity?>(BatchSize);
        while (!cancellationToken.IsCancellationRequested)
        {
            batch.Clear();
            var changed = Take(ref place, batch, ref missed);
            if (missed)
            {
                missed = false;
                toldAt = time.GetTimestamp();
                yield return Gap();
            }

            for (var i = 0; i < batch.Count; i++)
            {
                if (batch[i] is not { } activity)
                {
                    toldAt = time.GetTimestamp();
                    yield return Gap();
                }
                else if (only is null || activity.Agent == only)
                {
                    toldAt = time.GetTimestamp();
                    var entry = ActivityEntry.From(activity);
                    yield return new SseItem<string>(JsonSerializer.Serialize(entry, ActivityJson.Default.ActivityEntry), Name(entry.Type))
                    {
                        EventId = Id(place - batch.Count + i),
                    };
                }
            }

            if (changed is not null)
            {
                await HappensAsync(changed, KeepAlive - time.GetElapsedTime(toldAt), cancellationToken);
            }

            // Also when much happens, but nothing for this one.
            if (time.GetElapsedTime(toldAt) >= KeepAlive && !cancellationToken.IsCancellationRequested)
            {
                toldAt = time.GetTimestamp();
                yield return new SseItem<string>("{}", "ping") { EventId = Id(place - 1) };
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

    /// <summary>Waits until something happens, or so long.</summary>
    private async Task HappensAsync(Task changed, TimeSpan atMost, CancellationToken cancellationToken)
    {
        try
        {
            // It waits for whole milliseconds, and not less than asked.
            await changed.WaitAsync(atMost > TimeSpan.Zero ? atMost + TimeSpan.FromMilliseconds(1) : TimeSpan.Zero, time, cancellationToken);
        }
        catch (Exception exception) when (exception is TimeoutException or OperationCanceledException)
        {
        }
    }
}
