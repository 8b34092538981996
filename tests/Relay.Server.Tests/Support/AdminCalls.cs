using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using Relay.Protocol;
using Relay.Server.Agents;
using Relay.Server.Connections;

namespace Relay.Server.Tests.Support;

/// <summary>What an admin does, over HTTP.</summary>
internal static class AdminCalls
{
    public static async Task<HttpResponseMessage> AdminAsync(this RelayHost relay, HttpMethod method, string path, string? json = null)
    {
        using var request = new HttpRequestMessage(method, path);
        request.Headers.Add("X-Admin-Key", RelayHost.AdminKey);
        if (json is not null)
        {
            request.Content = new StringContent(json, new MediaTypeHeaderValue("application/json"));
        }

        return await relay.Http.SendAsync(request);
    }

    public static async Task<RegisterResponse> RegisterAsync(this RelayHost relay, string json)
    {
        using var response = await relay.AdminAsync(HttpMethod.Post, "/api/v1/register", json);
        Assert.Equal(HttpStatusCode.Created, response.StatusCode);
        return (await response.Content.ReadFromJsonAsync(ApiJson.Default.RegisterResponse))!;
    }

    public static async Task<JsonElement> ShowAsync(this RelayHost relay, RegisterResponse agent)
    {
        using var response = await relay.AdminAsync(HttpMethod.Get, $"/api/v1/agents/{agent.RelayId}");
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        return await RelayHost.ReadJsonAsync(response);
    }

    public static async Task<JsonElement> PatchAsync(this RelayHost relay, RegisterResponse agent, string json)
    {
        using var response = await relay.AdminAsync(HttpMethod.Patch, $"/api/v1/agents/{agent.RelayId}", json);
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        return await RelayHost.ReadJsonAsync(response);
    }

    /// <summary>Waits until the agent's connection on this node has heard of its last change.</summary>
    public static async Task AppliedAsync(this RelayHost relay, RegisterResponse agent)
    {
        Assert.True(RelayId.TryParse(agent.RelayId, out var id));
        var kept = await relay.Services.GetRequiredService<IAgentStore>().FindAsync(id, CancellationToken.None);
        var connections = relay.Services.GetRequiredService<ConnectionRegistry>();
        await Eventually.AsyncTrue(() => connections.Pick(id)?.Agent?.Version == kept!.Version);
    }

    public static async Task DeactivateAsync(this RelayHost relay, RegisterResponse agent)
    {
        using var response = await relay.AdminAsync(HttpMethod.Delete, $"/api/v1/agents/{agent.RelayId}");
        Assert.Equal(HttpStatusCode.NoContent, response.StatusCode);
    }
}
