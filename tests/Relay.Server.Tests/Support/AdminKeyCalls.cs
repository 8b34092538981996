using System.Net;
using System.Net.Http.Headers;
using System.Text.Json;

namespace Relay.Server.Tests.Support;

/// <summary>Makes admin keys and calls with them.</summary>
internal static class AdminKeyCalls
{
    /// <summary>Makes a key; answers what was shown of it.</summary>
    public static async Task<(string Id, string Key)> MakeKeyAsync(this RelayHost relay, string role, long? expiresAt = null)
    {
        using var response = await relay.AdminAsync(
            HttpMethod.Post, "/api/v1/admin/keys", JsonSerializer.Serialize(new { name = $"the {role}", role, expires_at = expiresAt }));
        Assert.Equal(HttpStatusCode.Created, response.StatusCode);
        Assert.Equal("no-store", response.Headers.CacheControl?.ToString());
        var made = await RelayHost.ReadJsonAsync(response);
        return (made.GetProperty("id").GetString()!, made.GetProperty("key").GetString()!);
    }

    public static async Task<HttpResponseMessage> WithKeyAsync(this RelayHost relay, string key, HttpMethod method, string path, string? json = null)
    {
        using var request = new HttpRequestMessage(method, path);
        request.Headers.Add("X-Admin-Key", key);
        request.Content = json is null ? null : new StringContent(json, new MediaTypeHeaderValue("application/json"));
        return await relay.Http.SendAsync(request);
    }

    /// <summary>What a call with the key is answered.</summary>
    public static async Task<HttpStatusCode> StatusAsync(this RelayHost relay, string key, HttpMethod? method = null, string path = "/api/v1/agents", string? json = null)
    {
        using var response = await relay.WithKeyAsync(key, method ?? HttpMethod.Get, path, json);
        return response.StatusCode;
    }

    public static async Task RevokeKeyAsync(this RelayHost relay, string id)
    {
        using var response = await relay.AdminAsync(HttpMethod.Delete, $"/api/v1/admin/keys/{id}");
        Assert.Equal(HttpStatusCode.NoContent, response.StatusCode);
    }
}
