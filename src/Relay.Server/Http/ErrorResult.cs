using System.Globalization;
using System.Text.Json;
using Relay.Protocol;

namespace Relay.Server.Http;

/// <summary>Every error of the HTTP API in its one shape.</summary>
internal sealed class ErrorResult(int status, string error, string message) : IResult
{
    /// <summary>One of <see cref="ErrorCodes"/>.</summary>
    public string Error => error;

    /// <summary>Facts for programs.</summary>
    public Dictionary<string, JsonElement> Details { get; init; } = [];

    /// <summary>When the sender may try again.</summary>
    public TimeSpan? RetryAfter { get; init; }

    public Task ExecuteAsync(HttpContext httpContext)
    {
        var response = httpContext.Response;
        response.StatusCode = status;
        if (RetryAfter is { } after)
        {
            response.Headers.RetryAfter = Math.Max(1, (long)Math.Ceiling(after.TotalSeconds)).ToString(CultureInfo.InvariantCulture);
        }

        if (HttpMethods.IsHead(httpContext.Request.Method))
        {
            return Task.CompletedTask;
        }

        var body = new ErrorResponse
        {
            Error = error,
            Message = message,
            Details = Details,
            Timestamp = httpContext.RequestServices.GetRequiredService<TimeProvider>().GetUtcNow().ToUnixTimeMilliseconds(),
            RequestId = httpContext.TraceIdentifier,
        };
        return response.WriteAsJsonAsync(body, ApiJson.Default.ErrorResponse, contentType: null, httpContext.RequestAborted);
    }
}

/// <summary>The errors that more than one feature answers.</summary>
internal static class Failures
{
    private static readonly TimeSpan StoreRetry = TimeSpan.FromSeconds(2);

    public static ErrorResult Invalid(string message) => new(StatusCodes.Status400BadRequest, ErrorCodes.InvalidRequest, message);

    public static ErrorResult NoKey() => new(
        StatusCodes.Status401Unauthorized, ErrorCodes.InvalidApiKey, "This call needs the agent's api key as Bearer, or an admin key in the header X-Admin-Key.");

    public static ErrorResult UnknownRelayId() => new(
        StatusCodes.Status404NotFound, ErrorCodes.UnknownRelayId, "No active agent has this relay id. Check the webhook URL that the registration answered.");

    public static ErrorResult StoreUnavailable() => new(
        StatusCodes.Status503ServiceUnavailable, ErrorCodes.StoreUnavailable, "The store cannot take this now, so nothing was accepted. Send it again later.")
    {
        RetryAfter = StoreRetry,
    };

    public static ErrorResult ShuttingDown() => new(
        StatusCodes.Status503ServiceUnavailable, ErrorCodes.ShuttingDown, "The server is shutting down. Try again in a moment.")
    {
        RetryAfter = StoreRetry,
    };

    private static ErrorResult Slow() => new(
        StatusCodes.Status408RequestTimeout, ErrorCodes.InvalidRequest, "The body came too slowly, so nothing was accepted. Send it again, all at once.");

    /// <summary>What a status without a body means, for those that the framework answers by itself.</summary>
    public static ErrorResult ForStatus(int status) => status switch
    {
        StatusCodes.Status400BadRequest => Invalid("The request is malformed."),
        StatusCodes.Status404NotFound => new(status, ErrorCodes.NotFound, "Nothing is at this address."),
        StatusCodes.Status405MethodNotAllowed => new(status, ErrorCodes.MethodNotAllowed, "This address does not take this method; the Allow header names those it does."),
        StatusCodes.Status408RequestTimeout => Slow(),
        StatusCodes.Status413PayloadTooLarge => new(status, ErrorCodes.BodyTooLarge, "The body is larger than this address takes."),
        StatusCodes.Status415UnsupportedMediaType => new(status, ErrorCodes.UnsupportedMediaType, "Send application/json."),
        >= 500 => new(status, ErrorCodes.Internal, "The server failed. The request id finds this request in its log."),
        _ => new(status, ErrorCodes.InvalidRequest, "The request cannot be served."),
    };
}
