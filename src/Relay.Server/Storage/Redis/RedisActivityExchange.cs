using System.Text.Json;
using System.Text.Json.Serialization;
using System.Threading.Channels;
using Relay.Server.Activities;
using Relay.Server.Cluster;
using Relay.Server.Operations;

namespace Relay.Server.Storage.Redis;

/// <summary>
/// Two channels of all nodes. On one a node says, now and again, that somebody reads its feed; on the other those that heard it send what
/// happens on them, for a while.
/// </summary>
internal sealed class RedisActivityExchange(RedisLanes lanes, RedisKeys keys, NodeIdentity node, ActivityFeed feed, TimeProvider time) : BackgroundService, IActivityExchange
{
    private const int MostQueued = 4096;
    private const int MostInBatch = 256;
    private static readonly TimeSpan SayEvery = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan HeardFor = TimeSpan.FromSeconds(30);

    private readonly Channel<AgentActivity> _queue = Channel.CreateBounded<AgentActivity>(new BoundedChannelOptions(MostQueued) { SingleReader = true });

    /// <summary>Until when other nodes' feeds want what happens here, in ticks of UTC.</summary>
    private long _sendsUntil;

    /// <summary>Until when this node's feed has what happens elsewhere.</summary>
    private long _wantsUntil;

    /// <summary>1: something could not be sent, and that has not been told yet.</summary>
    private int _missed;

    private RedisLane Lane => lanes.All[0];

    public void Send(AgentActivity activity)
    {
        if (Volatile.Read(ref _sendsUntil) is > 0 and var until && until > time.GetUtcNow().Ticks && !_queue.Writer.TryWrite(activity))
        {
            Volatile.Write(ref _missed, 1);
        }
    }

    public void Want()
    {
        // What happened elsewhere since the last reader went is not known here.
        var now = time.GetUtcNow();
        if (Interlocked.Exchange(ref _wantsUntil, (now + HeardFor).Ticks) < now.Ticks)
        {
            feed.BeginAnew();
        }

        _ = SayAsync();
    }

    public override Task StartAsync(CancellationToken cancellationToken)
    {
        // Before the lanes are connected.
        Lane.Signals.Keep(keys.FeedWanted, message => Heard((string?)message));
        Lane.Signals.Keep(keys.Feed, message => Receive((byte[]?)message ?? []), Missed);
        return base.StartAsync(cancellationToken);
    }

    protected override Task ExecuteAsync(CancellationToken stoppingToken) =>
        Task.WhenAll(time.RepeatAsync(SayEvery, SayAgainAsync, stoppingToken), SendAllAsync(stoppingToken));

    private void Heard(string? from)
    {
        if (from != node.Name)
        {
            Volatile.Write(ref _sendsUntil, (time.GetUtcNow() + HeardFor).Ticks);
        }
    }

    private void Receive(ReadOnlySpan<byte> message)
    {
        if (Volatile.Read(ref _wantsUntil) < time.GetUtcNow().Ticks)
        {
            return;
        }

        if (Read(message) is not { } batch)
        {
            feed.PublishGap();
            return;
        }

        if (batch.Node == node.Name)
        {
            return;
        }

        foreach (var activity in batch.Activities.Select(static entry => entry.ToActivity()).OfType<AgentActivity>())
        {
            feed.Publish(activity);
        }

        if (batch.Missed)
        {
            feed.PublishGap();
        }
    }

    /// <returns>Null for what this version cannot read.</returns>
    private static FeedBatch? Read(ReadOnlySpan<byte> message)
    {
        try
        {
            return JsonSerializer.Deserialize(message, FeedJson.Default.FeedBatch);
        }
        catch (JsonException)
        {
            return null;
        }
    }

    private void Missed()
    {
        if (feed.HasReaders)
        {
            feed.PublishGap();
            _ = SayAsync();
        }
    }

    /// <summary>While somebody reads the feed.</summary>
    private Task SayAgainAsync()
    {
        if (!feed.HasReaders)
        {
            return Task.CompletedTask;
        }

        Volatile.Write(ref _wantsUntil, (time.GetUtcNow() + HeardFor).Ticks);
        return SayAsync();
    }

    private async Task SayAsync()
    {
        try
        {
            await Lane.ExecuteAsync(database => database.PublishAsync(keys.FeedWanted, node.Name), CancellationToken.None);
        }
        catch (StoreUnavailableException)
        {
            // It is said again.
        }
    }

    private async Task SendAllAsync(CancellationToken stoppingToken)
    {
        List<ActivityEntry> entries = new(MostInBatch);
        try
        {
            while (await _queue.Reader.WaitToReadAsync(stoppingToken))
            {
                entries.Clear();
                while (entries.Count < MostInBatch && _queue.Reader.TryRead(out var activity))
                {
                    entries.Add(ActivityEntry.From(activity));
                }

                await SendAsync(new FeedBatch(node.Name, Interlocked.Exchange(ref _missed, 0) != 0, entries));
            }
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
        }
    }

    private async Task SendAsync(FeedBatch batch)
    {
        try
        {
            var message = JsonSerializer.SerializeToUtf8Bytes(batch, FeedJson.Default.FeedBatch);
            await Lane.ExecuteAsync(database => database.PublishAsync(keys.Feed, message), CancellationToken.None);
        }
        catch (StoreUnavailableException)
        {
            Volatile.Write(ref _missed, 1);
        }
    }
}

/// <param name="Node">Where it happened.</param>
/// <param name="Missed">More happened than is told.</param>
/// <param name="Activities">In their order.</param>
internal sealed record FeedBatch(string Node, bool Missed, IReadOnlyList<ActivityEntry> Activities);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(FeedBatch))]
internal sealed partial class FeedJson : JsonSerializerContext;
