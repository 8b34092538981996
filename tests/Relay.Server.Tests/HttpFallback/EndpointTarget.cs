using System.Net;
using System.Threading.Channels;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Relay.Server.Tests.HttpFallback;

/// <summary>What an endpoint was sent.</summary>
internal sealed record Post(string Method, string PathAndQuery, Dictionary<string, string> Headers, byte[] Body)
{
    public string Id => Headers["webhook-id"];
}

/// <summary>An agent's web server on a loopback port. It answers 200 unless told otherwise.</summary>
internal sealed class EndpointTarget : IAsyncDisposable
{
    private readonly Channel<Post> _posts = Channel.CreateBounded<Post>(10_000);
    private readonly WebApplication _app;
    private int _count;

    private EndpointTarget()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(static kestrel => kestrel.Listen(IPAddress.Loopback, 0));
        _app = builder.Build();
        _app.Run(TakeAsync);
    }

    /// <summary>How it answers from now on.</summary>
    public Func<HttpContext, Task> Answer { get; set; } = static _ => Task.CompletedTask;

    public int Count => Volatile.Read(ref _count);

    public Uri Root => new(_app.Urls.Single());

    /// <summary>As an agent registers it: with what must not be seen anywhere.</summary>
    public string Url => new Uri(Root, "/hooks/" + Secret + "?token=" + Secret).ToString();

    public string Secret { get; } = "s3cr3t" + Guid.NewGuid().ToString("n");

    public static async Task<EndpointTarget> StartAsync(int? status = null)
    {
        var target = new EndpointTarget();
        if (status is { } always)
        {
            target.AnswerWith(always);
        }

        await target._app.StartAsync();
        return target;
    }

    public void AnswerWith(int status, string? retryAfter = null) => Answer = context =>
    {
        context.Response.StatusCode = status;
        context.Response.Headers.RetryAfter = retryAfter;
        return Task.CompletedTask;
    };

    /// <summary>From now on it takes what is sent and never answers, until the caller hangs up.</summary>
    public void NeverAnswer() => Answer = static async context =>
    {
        var hungUp = new TaskCompletionSource();
        await using var registration = context.RequestAborted.Register(hungUp.SetResult);
        await hungUp.Task;
    };

    public async Task<Post> ReceiveAsync()
    {
        using var patience = new CancellationTokenSource(RelayHost.Patience);
        return await _posts.Reader.ReadAsync(patience.Token);
    }

    public async Task<List<string>> ReceiveIdsAsync(int count)
    {
        List<string> ids = [];
        while (ids.Count < count)
        {
            ids.Add((await ReceiveAsync()).Id);
        }

        return ids;
    }

    public ValueTask DisposeAsync() => _app.DisposeAsync();

    private async Task TakeAsync(HttpContext context)
    {
        using var body = new MemoryStream();
        await context.Request.Body.CopyToAsync(body);
        Interlocked.Increment(ref _count);
        var headers = context.Request.Headers.ToDictionary(static header => header.Key.ToLowerInvariant(), static header => header.Value.ToString());
        _posts.Writer.TryWrite(new Post(context.Request.Method, context.Request.Path + context.Request.QueryString, headers, body.ToArray()));
        await Answer(context);
    }
}
