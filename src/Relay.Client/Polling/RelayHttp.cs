using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Text.Json;
using Relay.Protocol;

namespace Relay.Client;

/// <summary>The relay's HTTP API with the agent's key: bounded in time and size, tried again while that can help. Any thread.</summary>
internal sealed class RelayHttp : IDisposable
{
    /// <summary>Where an agent connects; what is before it is before the rest of the API too.</summary>
    private const string ConnectPath = "/api/v1/connect";

    /// <summary>With the default delays about 10 s: a program that cron starts must end.</summary>
    private const int MaxAttempts = 5;

    private readonly ClientSettings _settings;
    private readonly ClientEvents _events;
    private readonly Uri _api;
    private readonly HttpClient _http = new(new SocketsHttpHandler { AllowAutoRedirect = false, UseCookies = false })
    {
        Timeout = Timeout.InfiniteTimeSpan,
    };

    public RelayHttp(ClientSettings settings, ClientEvents events)
    {
        _settings = settings;
        _events = events;
        _api = ApiOf(settings.Endpoint);
        _http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", settings.ApiKey.Reveal());
    }

    /// <summary>Sends it until it is answered with a status that trying again would not change.</summary>
    /// <param name="method">GET, DELETE or POST.</param>
    /// <param name="path">Below <c>/api/v1/</c>.</param>
    /// <param name="json">The body; none if null.</param>
    /// <param name="patience">How long the server may take to answer on purpose.</param>
    /// <param name="cancellationToken">Ends it with <see cref="OperationCanceledException"/>.</param>
    /// <returns>The answer, which the caller disposes; below 500.</returns>
    /// <exception cref="RelayConnectionException">No such answer came in as many attempts as are allowed.</exception>
    /// <exception cref="RelayAuthenticationException">The key was refused.</exception>
    public async Task<HttpAnswer> SendAsync(HttpMethod method, string path, byte[]? json, TimeSpan patience, CancellationToken cancellationToken)
    {
        var backoff = new Backoff(_settings.Options);
        var attempts = 1L + (_settings.Options.MaxReconnectAttempts ?? (MaxAttempts - 1));
        while (true)
        {
            var (answer, failure) = await TryAsync(method, path, json, patience, cancellationToken).ConfigureAwait(false);
            if (answer is { Status: HttpStatusCode.Unauthorized })
            {
                using (answer)
                {
                    throw Refused(answer.Error);
                }
            }

            if (answer is not null && !IsTransient(answer.Status))
            {
                return answer;
            }

            answer?.Dispose();
            var reason = answer is null ? failure!.GetBaseException().Message : $"the server, or a proxy before it, answered HTTP {(int)answer.Status}.";
            var delay = backoff.Next(held: false, answer?.RetryAfter);
            if (backoff.Attempt >= attempts)
            {
                throw new RelayConnectionException($"{backoff.Attempt} attempts", reason, failure);
            }

            // The wait begins before it is told, so that whoever is told may move the clock.
            var wait = Task.Delay(delay, _settings.Time, cancellationToken);
            _events.Raise(new RelayError(RelayErrorKind.ConnectFailed, $"A call of the relay failed and is tried again: {reason}", Exception: failure));
            await wait.ConfigureAwait(false);
        }
    }

    public void Dispose() => _http.Dispose();

    internal static Uri ApiOf(Uri endpoint)
    {
        var path = endpoint.AbsolutePath;
        var prefix = path.EndsWith(ConnectPath, StringComparison.OrdinalIgnoreCase) ? path[..^ConnectPath.Length] : "";
        return new UriBuilder(endpoint)
        {
            Scheme = endpoint.Scheme == "ws" ? "http" : "https",
            Port = endpoint.IsDefaultPort ? -1 : endpoint.Port,
            Path = prefix + "/api/v1/",
            Query = "",
        }.Uri;
    }

    private static RelayAuthenticationException Refused(ErrorResponse? error)
    {
        var code = error?.Error ?? ErrorCodes.InvalidApiKey;
        return new RelayAuthenticationException(code, $"The relay refused the api key ({code}): {error?.Message ?? "the server answered HTTP 401."}");
    }

    private static bool IsTransient(HttpStatusCode status) =>
        status is HttpStatusCode.RequestTimeout or HttpStatusCode.TooManyRequests or >= HttpStatusCode.InternalServerError;

    private async Task<(HttpAnswer? Answer, Exception? Failure)> TryAsync(
        HttpMethod method, string path, byte[]? json, TimeSpan patience, CancellationToken cancellationToken)
    {
        var options = _settings.Options;
        using var timeout = new CancellationTokenSource(options.ConnectTimeout + patience, _settings.Time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(timeout.Token, cancellationToken);
        var content = new PooledBufferWriter(16 * 1024);
        try
        {
            using var request = new HttpRequestMessage(method, new Uri(_api, path));
            if (json is not null)
            {
                request.Content = new ByteArrayContent(json);
                request.Content.Headers.ContentType = new MediaTypeHeaderValue("application/json");
            }

            using var response = await _http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, either.Token).ConfigureAwait(false);
            var body = await response.Content.ReadAsStreamAsync(either.Token).ConfigureAwait(false);
            await using (body.ConfigureAwait(false))
            {
                while (await body.ReadAsync(content.GetMemory(), either.Token).ConfigureAwait(false) is > 0 and var length)
                {
                    content.Advance(length);
                    if (content.WrittenMemory.Length > options.MaxFrameBytes)
                    {
                        throw new RelayException($"The relay's answer is larger than {options.MaxFrameBytes} bytes. Poll fewer events at a time, or raise MaxFrameBytes.");
                    }

                    // Slow is not dead: what is allowed is a silence, not a duration.
                    timeout.CancelAfter(options.ConnectTimeout);
                }
            }

            return (new HttpAnswer(response.StatusCode, response.Headers.RetryAfter, content), null);
        }
        catch (OperationCanceledException) when (timeout.IsCancellationRequested && !cancellationToken.IsCancellationRequested)
        {
            content.Dispose();
            return (null, new TimeoutException($"the server did not answer within {options.ConnectTimeout + patience}."));
        }
        catch (Exception exception) when (exception is HttpRequestException or IOException)
        {
            content.Dispose();
            return (null, exception);
        }
        catch (Exception exception)
        {
            content.Dispose();
            ObjectDisposedException.ThrowIf(exception is OperationCanceledException && !cancellationToken.IsCancellationRequested, typeof(RelayClient));
            throw;
        }
    }
}

/// <summary>What came back. Disposed by who asked.</summary>
internal sealed class HttpAnswer(HttpStatusCode status, RetryConditionHeaderValue? retryAfter, PooledBufferWriter content) : IDisposable
{
    public HttpStatusCode Status => status;

    /// <summary>When the server wants to be asked again, if it said so in seconds.</summary>
    public TimeSpan? RetryAfter => retryAfter?.Delta;

    public ReadOnlySpan<byte> Content => content.WrittenSpan;

    /// <summary>The relay's own error; null when it is none of the relay's.</summary>
    public ErrorResponse? Error
    {
        get
        {
            try
            {
                return JsonSerializer.Deserialize(Content, ApiJson.Default.ErrorResponse);
            }
            catch (JsonException)
            {
                return null;
            }
        }
    }

    /// <summary>For a status that nobody expected.</summary>
    public RelayException Unexpected() => Error is { } error
        ? new RelayException($"The relay refused the call ({error.Error}): {error.Message}")
        : new RelayException(string.Create(
            CultureInfo.InvariantCulture, $"The server, or a proxy before it, answered HTTP {(int)status} with nothing that a relay would say. Check Url."));

    public void Dispose() => content.Dispose();
}
