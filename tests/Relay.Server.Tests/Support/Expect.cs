using System.Net;
using System.Text.Json;

namespace Relay.Server.Tests.Support;

internal static class Expect
{
    /// <summary>The one shape of every error.</summary>
    public static async Task<JsonElement> ErrorAsync(HttpResponseMessage response, HttpStatusCode status, string error)
    {
        Assert.Equal(status, response.StatusCode);
        Assert.Equal("application/json", response.Content.Headers.ContentType?.MediaType);
        var body = await RelayHost.ReadJsonAsync(response);
        Assert.Equal(error, body.GetProperty("error").GetString());
        Assert.NotEmpty(body.GetProperty("message").GetString()!);
        Assert.Equal(JsonValueKind.Object, body.GetProperty("details").ValueKind);
        Assert.True(body.GetProperty("timestamp").GetInt64() > 0);
        Assert.NotEmpty(body.GetProperty("request_id").GetString()!);
        return body;
    }
}
