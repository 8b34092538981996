namespace Relay.Server.Ingest;

/// <summary>Gives a provider its challenge back, as text that no browser takes for anything else.</summary>
internal sealed class ChallengeResult(string challenge) : IResult
{
    public Task ExecuteAsync(HttpContext httpContext)
    {
        var response = httpContext.Response;
        response.ContentType = "text/plain; charset=utf-8";
        response.Headers.XContentTypeOptions = "nosniff";
        return response.WriteAsync(challenge, httpContext.RequestAborted);
    }
}
