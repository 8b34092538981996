using System.Collections.Concurrent;
using System.Text;
using Microsoft.AspNetCore.Http;
using Relay.Protocol;
using EventId = Relay.Protocol.EventId;

namespace Relay.Client.Tests.Polling;

/// <summary>The pending events of a <see cref="FakeRelay"/>: leased once, and whatever the agent does with them is kept.</summary>
internal sealed class FakePending
{
    private readonly FakeRelay _relay;
    private readonly ConcurrentQueue<ReadOnlyMemory<byte>> _frames = new();

    public FakePending(FakeRelay relay)
    {
        _relay = relay;
        relay.Http = AnswerAsync;
    }

    /// <summary>Method, path and body of every call but polls.</summary>
    public Recorded<(string Method, string Path, string Body)> Calls { get; } = new();

    /// <summary>The queries of the polls.</summary>
    public Recorded<string> Polls { get; } = new();

    /// <summary>What comes first instead: a status, and what goes with it.</summary>
    public ConcurrentQueue<(int Status, string Body, string? RetryAfter)> Instead { get; } = new();

    public string Add(string body = "{}", SigningKeys? keys = null, TimeSpan age = default)
    {
        Assert.True(EventId.TryParse(Ids.Next(), out var id));
        _frames.Enqueue(_relay.Frame(id, Encoding.UTF8.GetBytes(body), keys: keys, age: age));
        return id.ToString();
    }

    private async Task AnswerAsync(HttpContext context)
    {
        Assert.Equal("Bearer " + _relay.Key.Reveal(), context.Request.Headers.Authorization);
        using var reader = new StreamReader(context.Request.Body);
        var body = await reader.ReadToEndAsync();
        if (Instead.TryDequeue(out var instead))
        {
            context.Response.StatusCode = instead.Status;
            context.Response.Headers.RetryAfter = instead.RetryAfter;
            await context.Response.WriteAsync(instead.Body);
        }
        else if (HttpMethods.IsGet(context.Request.Method))
        {
            Polls.Add(context.Request.Path + context.Request.QueryString);
            var limit = int.Parse(context.Request.Query["limit"]!, System.Globalization.CultureInfo.InvariantCulture);
            var events = new List<string>();
            while (events.Count < limit && _frames.TryDequeue(out var frame))
            {
                events.Add("{\"event_id\":\"x\",\"created_at\":1," + Encoding.UTF8.GetString(frame.Span[1..]));
            }

            await context.Response.WriteAsync($$"""{"count":{{events.Count}},"events":[{{string.Join(',', events)}}]}""");
        }
        else
        {
            Calls.Add((context.Request.Method, context.Request.Path, body));
            await context.Response.WriteAsync("""{"status":"acknowledged","id":"x"}""");
        }
    }
}
