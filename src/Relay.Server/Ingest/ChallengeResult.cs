using System.Text.Json.Nodes;
using Relay.Protocol;
using Relay.Server.Http;

namespace Relay.Server.Ingest;

/// <summary>Gives a provider its challenge back, as content that no browser takes for anything else.</summary>
internal sealed class ChallengeResult : IResult
{
    /// <summary>Longer than any provider's; a longer one is nobody's.</summary>
    public const int MaxLength = 1024;

    private readonly string _content;
    private readonly string _contentType;

    private ChallengeResult(string content, string contentType) => (_content, _contentType) = (content, contentType);

    /// <summary>The challenge itself as <c>text/plain</c>; 403 for one of unusual length.</summary>
    public static IResult Text(string challenge) => challenge.Length is > 0 and <= MaxLength
        ? new ChallengeResult(challenge, "text/plain; charset=utf-8")
        : Refuse($"The challenge has 1 to {MaxLength} characters.");

    /// <summary>What the provider computes from its challenge, as it wants it.</summary>
    public static ChallengeResult Json(JsonObject answer) => new(answer.ToJsonString(), "application/json");

    /// <summary>403: who asks has not shown to be the provider.</summary>
    public static ErrorResult Refuse(string message) => new(StatusCodes.Status403Forbidden, ErrorCodes.InvalidChallenge, message);

    public Task ExecuteAsync(HttpContext httpContext)
    {
        var response = httpContext.Response;
        response.ContentType = _contentType;
        response.Headers.XContentTypeOptions = "nosniff";
        response.Headers.CacheControl = "no-store";
        return response.WriteAsync(_content, httpContext.RequestAborted);
    }
}
