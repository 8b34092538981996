using System.Net;
using System.Net.Sockets;

namespace Relay.Server.HttpFallback;

/// <summary>
/// Posts to agents' endpoints, which are strangers: only to addresses that may be called, without redirects, proxy, cookies or traces, each
/// within <see cref="Timeout"/>, and with no more than 64 KiB of an answer taken. Any thread.
/// </summary>
internal sealed class EndpointPoster(GuardedConnector connector, TimeProvider time) : IDisposable
{
    /// <summary>From the name's resolution to the answer's head.</summary>
    public static readonly TimeSpan Timeout = TimeSpan.FromSeconds(15);

    private const int MaxAnswerBytes = 64 << 10;
    private const int MaxAnswerHeadersKiB = 16;

    /// <summary>More would be longer than anybody means; the event's retention goes on.</summary>
    private static readonly TimeSpan LongestRetryAfter = TimeSpan.FromHours(24);

    /// <summary>An invoker, not a client: nothing is buffered, nothing logged.</summary>
    private readonly HttpMessageInvoker _http = new(new SocketsHttpHandler
    {
        ConnectCallback = connector.ConnectAsync,
        ConnectTimeout = Timeout,
        AllowAutoRedirect = false,
        UseProxy = false,
        UseCookies = false,
        AutomaticDecompression = DecompressionMethods.None,
        MaxResponseHeadersLength = MaxAnswerHeadersKiB,
        MaxResponseDrainSize = MaxAnswerBytes,
        PooledConnectionIdleTimeout = TimeSpan.FromSeconds(30),
        PooledConnectionLifetime = TimeSpan.FromMinutes(2), // A name's new address is seen by then.
        ActivityHeadersPropagator = null, // Traces would have the URL.
    });

    /// <summary>Sends the request and disposes it. Throws only when <paramref name="cancellationToken"/> is cancelled.</summary>
    public async Task<PostResult> PostAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        using var limit = new CancellationTokenSource(Timeout, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancellationToken);
        try
        {
            using (request)
            {
                // Of the body nothing is wanted: the disposal reads up to the limit, so that the connection can be used again, and cuts the rest.
                using var response = await _http.SendAsync(request, either.Token);
                return Judge(response);
            }
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return new PostResult(PostOutcome.TimedOut, $"The endpoint did not answer within {Timeout.TotalSeconds} s.");
        }
        catch (Exception exception) when (exception is HttpRequestException or IOException or SocketException)
        {
            return Explain(exception);
        }
    }

    public void Dispose() => _http.Dispose();

    private PostResult Judge(HttpResponseMessage response)
    {
        var status = (int)response.StatusCode;
        return status switch
        {
            >= 200 and < 300 => new PostResult(PostOutcome.Taken, null),
            410 => new PostResult(PostOutcome.Gone, "The endpoint answered 410."),
            >= 300 and < 400 => new PostResult(PostOutcome.Refused, $"The endpoint answered {status}. Redirects are not followed."),
            429 or >= 500 => new PostResult(PostOutcome.Failing, $"The endpoint answered {status}.") { RetryAfter = RetryAfter(response) },
            _ => new PostResult(PostOutcome.Refused, $"The endpoint answered {status}.") { RetryAfter = RetryAfter(response) },
        };
    }

    private TimeSpan? RetryAfter(HttpResponseMessage response)
    {
        var header = response.Headers.RetryAfter;
        var delay = header?.Delta ?? header?.Date - time.GetUtcNow();
        return delay is not { } given ? null
            : given < TimeSpan.Zero ? TimeSpan.Zero
            : given > LongestRetryAfter ? LongestRetryAfter
            : given;
    }

    /// <summary>In our own words: the messages of exceptions name the host.</summary>
    private static PostResult Explain(Exception exception) => exception switch
    {
        { InnerException: AddressRefusedException refused } => new PostResult(PostOutcome.NotAllowed, refused.Message),
        HttpRequestException { HttpRequestError: HttpRequestError.NameResolutionError } => new PostResult(PostOutcome.Unreachable, "The endpoint's host name could not be resolved."),
        HttpRequestException { HttpRequestError: HttpRequestError.SecureConnectionError } => new PostResult(PostOutcome.Unreachable, "The endpoint's TLS certificate or handshake failed."),
        HttpRequestException { HttpRequestError: HttpRequestError.ConnectionError } => new PostResult(PostOutcome.Unreachable, "The endpoint could not be connected to."),
        _ => new PostResult(PostOutcome.Unreachable, "The endpoint broke off or did not answer with HTTP."),
    };
}

internal enum PostOutcome
{
    /// <summary>2xx: the event is delivered.</summary>
    Taken,

    /// <summary>Any other answer that says that the target works.</summary>
    Refused,

    /// <summary>An answer that says that it does not, or not now: 429, 5xx.</summary>
    Failing,

    TimedOut,
    Unreachable,

    /// <summary>None of its addresses may be called.</summary>
    NotAllowed,

    /// <summary>410: nothing is wanted here any more.</summary>
    Gone,
}

/// <param name="Outcome">What came of a post.</param>
/// <param name="Reason">For the event's history, without the URL; null for a success.</param>
internal readonly record struct PostResult(PostOutcome Outcome, string? Reason)
{
    /// <summary>When the endpoint wants to be tried again.</summary>
    public TimeSpan? RetryAfter { get; init; }

    /// <summary>Whether the target itself does not work, whatever is sent to it.</summary>
    public bool IsTargetDown => Outcome is PostOutcome.Failing or PostOutcome.TimedOut or PostOutcome.Unreachable;
}
