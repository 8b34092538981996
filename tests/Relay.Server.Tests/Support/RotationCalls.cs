using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using Relay.Protocol;

namespace Relay.Server.Tests.Support;

/// <summary>What an agent does with its key, over HTTP, and rotations.</summary>
internal static class RotationCalls
{
    public static async Task<HttpResponseMessage> BearerAsync(this RelayHost relay, HttpMethod method, string path, string apiKey, string? json = null)
    {
        using var request = new HttpRequestMessage(method, path);
        request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", apiKey);
        request.Content = json is null ? null : new StringContent(json, new MediaTypeHeaderValue("application/json"));
        return await relay.Http.SendAsync(request);
    }

    /// <summary>Rotates as the agent.</summary>
    public static async Task<RegisterResponse> RotateAsync(this RelayHost relay, RegisterResponse agent, int? graceSeconds = null)
    {
        using var response = await relay.BearerAsync(
            HttpMethod.Post, "/api/v1/rotate", agent.ApiKey, graceSeconds is null ? null : $$"""{"grace_seconds":{{graceSeconds}}}""");
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        return await ReadAsync(response, agent);
    }

    /// <summary>Rotates as the administrator.</summary>
    public static async Task<RegisterResponse> RotateAsync(this RelayHost relay, RegisterResponse agent, string json, HttpStatusCode status)
    {
        using var response = await relay.AdminAsync(HttpMethod.Post, "/api/v1/rotate", json);
        Assert.Equal(status, response.StatusCode);
        return await ReadAsync(response, agent);
    }

    /// <summary>Whether the key opens the API and polls.</summary>
    public static async Task<bool> OpensAsync(this RelayHost relay, RegisterResponse agent)
    {
        using var shown = await relay.BearerAsync(HttpMethod.Get, $"/api/v1/agents/{agent.RelayId}", agent.ApiKey);
        using var polled = await relay.BearerAsync(HttpMethod.Get, $"/api/v1/pending/{agent.RelayId}?limit=1", agent.ApiKey);
        Assert.Equal(shown.StatusCode, polled.StatusCode);
        return shown.StatusCode == HttpStatusCode.OK;
    }

    private static async Task<RegisterResponse> ReadAsync(HttpResponseMessage response, RegisterResponse agent)
    {
        Assert.Equal("no-store", response.Headers.CacheControl?.ToString());
        var rotated = (await response.Content.ReadFromJsonAsync(ApiJson.Default.RotateResponse))!;
        return agent with { RelayId = rotated.RelayId, ApiKey = rotated.ApiKey, SigningSecret = rotated.SigningSecret, WebhookUrl = rotated.WebhookUrl };
    }
}
